// OAuth as the fixture client does it, in the shape of the SDKs' `OAuthClientProvider`. Both SDK lines take
// the same objects.

/** Nobody listens here: the answer of the authorization server is read from its redirect. */
const REDIRECT = "http://localhost:9/callback";
/** Nobody agrees for ever: a server that is never content gets no fourth login (SEP-835). */
const MOST_LOGINS = 3;
const ID_JAG = "urn:ietf:params:oauth:token-type:id-jag";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/**
 * What was obtained from each authorization server, never shown to another one (SEP-2352).
 * @template T
 */
function perIssuer() {
  /** @type {Map<string | undefined, T>} */
  const kept = new Map();
  /** @type {T | undefined} */
  let latest;
  return {
    /** @param {{ issuer?: string } | undefined} ctx */
    get: (ctx) => (ctx?.issuer === undefined ? latest : kept.get(ctx.issuer)),
    /** @param {T} value @param {{ issuer?: string } | undefined} ctx */
    set: (value, ctx) => {
      latest = value;
      kept.set(ctx?.issuer, value);
    },
  };
}

/**
 * A person with a browser, who agrees at once.
 * @param {object} options
 * @param {string} [options.metadataUrl] a client id metadata document (SEP-991)
 * @param {{ client_id: string, client_secret?: string, issuer?: string }} [options.registered]
 * @param {() => unknown} [options.dpop]
 */
export function personLogin({ metadataUrl, registered, dpop }) {
  const clients = perIssuer();
  const tokens = perIssuer();
  if (registered !== undefined) clients.set(registered, registered);
  let verifier = "";
  let logins = 0;
  /** @type {URLSearchParams | undefined} */
  let callback;
  return {
    redirectUrl: REDIRECT,
    clientMetadata: {
      client_name: "trusted-mcp-conformance-client",
      redirect_uris: [REDIRECT],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    },
    ...(metadataUrl && { clientMetadataUrl: metadataUrl }),
    ...(dpop && { dpop }),
    clientInformation: clients.get,
    saveClientInformation: clients.set,
    tokens: tokens.get,
    saveTokens: tokens.set,
    saveCodeVerifier: (/** @type {string} */ value) => void (verifier = value),
    codeVerifier: () => verifier,
    async redirectToAuthorization(/** @type {URL} */ url) {
      if (++logins > MOST_LOGINS) throw new Error("The server asks for one login after the other.");
      // The browser's request, which never goes through the channel.
      const response = await fetch(url, { redirect: "manual" });
      const location = response.headers.get("location");
      if (location === null) throw new Error(`The authorization server answered ${response.status}`);
      callback = new URL(location).searchParams;
    },
    /** What the browser brought back, once; undefined when nobody has logged in since. */
    takeCallback() {
      const taken = callback;
      callback = undefined;
      return taken;
    },
  };
}

/**
 * A client that exchanges something it has for a token, without a person.
 * @param {{ client_id: string, client_secret?: string }} client
 * @param {(discovered: { issuer: string, resource: string }) => Promise<URLSearchParams> | URLSearchParams} grant
 */
export function machineLogin(client, grant) {
  /** @type {any} */
  let tokens;
  /** @type {any} */
  let discovered;
  const never = () => {
    throw new Error("There is no person here who could log in.");
  };
  return {
    redirectUrl: undefined,
    clientMetadata: { client_name: "trusted-mcp-conformance-machine", redirect_uris: [] },
    clientInformation: () => client,
    tokens: () => tokens,
    saveTokens: (/** @type {unknown} */ value) => void (tokens = value),
    saveCodeVerifier: never,
    codeVerifier: never,
    redirectToAuthorization: never,
    saveDiscoveryState: (/** @type {unknown} */ state) => void (discovered = state),
    prepareTokenRequest: () =>
      grant({
        issuer: String(discovered.authorizationServerUrl),
        resource: String(discovered.resourceMetadata?.resource),
      }),
  };
}

/** SEP-1933: the workload's own JWT is the grant. @param {any} context */
export function workloadLogin(context) {
  const assertion = context.valid_jwt;
  return machineLogin(
    { client_id: context.client_id },
    () => new URLSearchParams({ grant_type: JWT_BEARER, assertion }),
  );
}

/** SEP-990: the enterprise's identity provider turns an ID token into the grant. @param {any} context */
export function enterpriseLogin(context) {
  const { client_id, client_secret } = context;
  return machineLogin({ client_id, client_secret }, async ({ issuer, resource }) => {
    const response = await fetch(context.idp_token_endpoint, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
        requested_token_type: ID_JAG,
        subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
        subject_token: context.idp_id_token,
        audience: issuer,
        resource,
        client_id: context.idp_client_id,
      }),
    });
    if (!response.ok) throw new Error(`The identity provider answered ${response.status}`);
    const { access_token } = await response.json();
    return new URLSearchParams({ grant_type: JWT_BEARER, assertion: access_token });
  });
}
