/** How addresses are written, and which are private. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import { endpointOf, endpointText, isPrivate, plainHost } from "../../src/ranks/address.js";
import { leavingAddresses, meetingAddress } from "../../src/ranks/own-address.js";

test("endpoints are read and written, an IPv6 address in brackets", () => {
  const right: readonly [string, string, string][] = [
    ["10.0.0.1:29400", "10.0.0.1", "10.0.0.1:29400"],
    ["node-1.local:1", "node-1.local", "node-1.local:1"],
    ["[fd00::1]:29400", "fd00::1", "[fd00::1]:29400"],
    ["[FD00:0:0::01]:65535", "fd00::1", "[fd00::1]:65535"],
    ["[::ffff:10.0.0.1]:2", "10.0.0.1", "10.0.0.1:2"],
  ];
  for (const [text, host, written] of right) {
    const found = endpointOf(text);
    assert.equal(found?.host, host);
    assert.equal(endpointText(found), written);
  }
  for (const text of [
    "",
    "here",
    "a:0",
    "a:65536",
    "fd00::1:29400",
    "[a]:1",
    "[fd00::1]",
    ":1",
    "a b:1",
  ])
    assert.equal(endpointOf(text), undefined, text);
  assert.equal(plainHost("[fd00::0:1]"), "fd00::1");
  assert.equal(plainHost("node"), "node");
});

test("private are those of RFC 1918, 4193, 6598, link-local ones and this machine's", () => {
  const inside = ["10.255.0.1", "172.16.0.1", "172.31.255.255", "192.168.3.4", "127.0.1.1"];
  const others = [
    "169.254.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "::1",
    "fd12::3",
    "fc00::1",
    "fe80::1%eth0",
  ];
  for (const address of [...inside, ...others]) assert.equal(isPrivate(address), true, address);
  const outside = [
    "9.255.255.255",
    "11.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.0.1",
    "192.169.0.1",
  ];
  const world = [
    "100.63.255.255",
    "100.128.0.0",
    "8.8.8.8",
    "2001:db8::1",
    "fe00::1",
    "0.0.0.0",
    "::",
    "224.0.0.1",
  ];
  for (const address of [...outside, ...world]) assert.equal(isPrivate(address), false, address);
});

const at = (host: string) => ({ host, port: 29_400 });

test("rank 0 meets the others at an address of its own that is private", async () => {
  assert.equal(await meetingAddress(at("127.0.0.1"), {}), "127.0.0.1");
  assert.equal(await meetingAddress(at("127.0.0.7"), { interface: "lo" }), "127.0.0.7");
  assert.equal(await meetingAddress(at("localhost"), { interface: "lo" }), "127.0.0.1");
  const wrong: readonly [string, string | undefined, RegExp][] = [
    ["10.123.45.67", undefined, /no address of this machine[\s\S]*one of these: .*lo 127\.0\.0\.1/],
    ["0.0.0.0", undefined, /stands for all addresses/],
    ["::", undefined, /stands for all addresses/],
    ["fe80::1%lo", undefined, /link-local address of IPv6/],
    ["127.0.0.1", "none0", /--interface none0: no interface[\s\S]*one of these: .*lo 127\.0\.0\.1/],
    ["10.123.45.67", "lo", /--interface lo: the processes meet at 10\.123\.45\.67/],
  ];
  for (const [host, name, message] of wrong)
    await assert.rejects(
      meetingAddress(at(host), { interface: name }),
      (error) => error instanceof UserError && message.test(error.message),
      host,
    );
});

test("other ranks leave from their interface, and to a private address", () => {
  assert.equal(leavingAddresses(at("10.0.0.1"), {}), undefined);
  assert.equal(leavingAddresses(at("node"), { interface: "lo" })?.[0], "127.0.0.1");
  assert.throws(
    () => leavingAddresses(at("8.8.8.8"), {}),
    /no private address[\s\S]*--allow_public_address/,
  );
  assert.equal(leavingAddresses(at("8.8.8.8"), { allowPublic: true }), undefined);
  assert.throws(() => leavingAddresses(at("10.0.0.1"), { interface: "none0" }), UserError);
});
