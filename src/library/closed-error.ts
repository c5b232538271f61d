/** What calls on a closed model throw. */
export function closedError(): Error {
  return new Error("the model is closed");
}
