/** The native engine, as tests need it: loaded once a process. */
import { loadBinding } from "../src/engine/binding.js";
import { requireEngine } from "../src/engine/installed.js";
import { openNativeSession } from "../src/engine/native-session.js";
import type { OpenSession } from "../src/step/program.js";

export const open: OpenSession = (graph) => {
  return openNativeSession(loadBinding(requireEngine().bindingPath), graph);
};
