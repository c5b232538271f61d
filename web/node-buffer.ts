/** Node's Buffer, for code that pages share with Node. The build puts it where it is used. */
export { Buffer } from "buffer/";
