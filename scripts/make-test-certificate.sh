#!/bin/sh
# Makes test/fixtures/tls: a key and a certificate of 127.0.0.1 that nobody has signed but itself, valid
# for 100 years. They prove nothing and protect nothing. Needs OpenSSL 1.1.1 or newer.
set -e
cd "$(dirname "$0")/../test/fixtures/tls"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 \
  -subj "/CN=bit-train test server" -addext "subjectAltName=IP:127.0.0.1" \
  -keyout key.pem -out certificate.pem
