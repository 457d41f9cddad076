// Where the weather comes from: the public service open-meteo.com, or a sample of its answers.
import { readFile } from "node:fs/promises";
import process from "node:process";

const GEOCODING = process.env.GEOCODING_URL ?? "https://geocoding-api.open-meteo.com/v1/search";
const FORECAST = process.env.FORECAST_URL ?? "https://api.open-meteo.com/v1/forecast";

/** Asks the service. It needs no account; it is given the city and nothing about the caller. */
export function liveSource() {
  return async (city) => {
    const places = await get(GEOCODING, { name: city, count: 1 });
    const place = places.results?.[0];
    if (place === undefined) throw new Error(`The weather service knows no place called "${city}".`);
    const { latitude, longitude } = place;
    const forecast = await get(FORECAST, {
      latitude,
      longitude,
      current: "temperature_2m,relative_humidity_2m,wind_speed_10m",
    });
    return describe(place, forecast);
  };
}

/** Reads sample.json, and says so in every answer. */
export function sampleSource() {
  return async (city) => {
    const cities = JSON.parse(await readFile(new URL("sample.json", import.meta.url), "utf8"));
    const found = cities.find(({ place }) => place.name.toLowerCase() === city.toLowerCase());
    if (found === undefined) {
      const known = cities.map(({ place }) => place.name).join(", ");
      throw new Error(`The sample has no weather for "${city}", only for ${known}.`);
    }
    return `${describe(found.place, found.forecast)} This is a sample, not the weather now.`;
  };
}

async function get(address, query) {
  const url = new URL(address);
  url.search = new URLSearchParams(query);
  let response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    const why = error.cause?.code ?? error.name;
    throw new Error(
      `The weather service at ${url.host} cannot be reached (${why}). Is this machine online? ` +
        "Start the server with --sample to go on without it.",
      { cause: error },
    );
  }
  if (!response.ok) throw new Error(`The weather service at ${url.host} answered HTTP ${response.status}.`);
  return await response.json();
}

function describe(place, { current, current_units: units }) {
  const values = [
    `${current.temperature_2m} ${units.temperature_2m}`,
    `humidity ${current.relative_humidity_2m} ${units.relative_humidity_2m}`,
    `wind ${current.wind_speed_10m} ${units.wind_speed_10m}`,
  ];
  return `${place.name}, ${place.country}, ${current.time} GMT: ${values.join(", ")}.`;
}
