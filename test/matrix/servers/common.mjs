export const RESOURCE = "matrix://watched";

/** @param {string} value */
export const text = (value) => ({ content: [{ type: /** @type {const} */ ("text"), text: value }] });

/** @returns {any} what a user is asked */
export const form = () => ({
  message: "Which?",
  requestedSchema: { type: "object", properties: { answer: { type: "string" } }, required: ["answer"] },
});
