#!/bin/sh
# https-proxy-agent 9.1.0: a server that is addressed by an IP address cannot be reached through a proxy,
# though its certificate names that address: within the tunnel the certificate is compared with the name
# "localhost". The same request without a proxy, and with a check of one's own, succeeds.
#
# Why: the agent leaves `host` out of what it gives to tls.connect and sets `servername` for names only,
# and Node falls back on "localhost". src/fetch/connection.ts therefore compares by itself.
#
# Seen with Node 20.20.2 (and 22.19, 24.21, 26.10):
#   direct: 200
#   proxy: ERR_TLS_CERT_ALTNAME_INVALID Host: localhost. is not cert's CN: test
#   proxy, own check: 200
#
# Needs Node 20 or newer, npm and OpenSSL. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --save-exact https-proxy-agent@9.1.0
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=test" \
  -addext "subjectAltName=IP:127.0.0.1" -keyout key.pem -out certificate.pem 2>/dev/null
cat >trial.mjs <<'TRIAL'
import { readFileSync } from "node:fs";
import { createServer as createProxy } from "node:http";
import { createServer, request } from "node:https";
import { connect } from "node:net";
import { checkServerIdentity } from "node:tls";
import { HttpsProxyAgent } from "https-proxy-agent";

const [key, cert] = [readFileSync("key.pem"), readFileSync("certificate.pem")];
const listen = (server) =>
  new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port)));
const port = await listen(createServer({ key, cert }, (_, response) => response.end("hello")));
const proxy = createProxy().on("connect", (wanted, socket) => {
  const onward = connect(Number(wanted.url.split(":")[1]), "127.0.0.1", () => {
    socket.write("HTTP/1.1 200 Connected\r\n\r\n");
    onward.pipe(socket).pipe(onward);
  });
  for (const end of [socket, onward]) end.on("error", () => undefined);
});
const agent = new HttpsProxyAgent(`http://127.0.0.1:${await listen(proxy)}`);
const ask = (options) =>
  new Promise((done) => {
    request(`https://127.0.0.1:${port}/`, { ca: cert, ...options }, ({ statusCode }) => {
      done(String(statusCode));
    })
      .on("error", ({ code, reason, message }) => done(`${code} ${reason ?? message}`))
      .end();
  });
const own = (_, certificate) => checkServerIdentity("127.0.0.1", certificate);
const seen = [
  ["direct", await ask({ agent: false })],
  ["proxy", await ask({ agent })],
  ["proxy, own check", await ask({ agent, checkServerIdentity: own })],
];
for (const [how, what] of seen) console.log(`${how}: ${what}`);
const asBefore = /^200 ERR_TLS_CERT_ALTNAME_INVALID .*localhost.* 200$/;
process.exit(asBefore.test(seen.map(([, what]) => what).join(" ")) ? 0 : 1);
TRIAL
node trial.mjs
