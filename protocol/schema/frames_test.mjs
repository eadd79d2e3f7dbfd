// frames_test.mjs - The JSON Schema holds the golden frames, and holds off what is not a frame.
//
// The schema itself lets unknown members pass, as the server does. The golden frames must not have any, so they are also
// held against a copy that is closed.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import Ajv2020 from "ajv/dist/2020.js";

const schema = JSON.parse(readFileSync(new URL("deskd.v1.schema.json", import.meta.url), "utf8"));
const folder = new URL("../frames/", import.meta.url);
const frames = readdirSync(folder).map((file) => ({
  name: file.replace(/\.json$/, ""),
  side: file.split(".")[0],
  type: file.split(".")[1],
  frame: JSON.parse(readFileSync(new URL(file, folder), "utf8")),
}));

const closed = structuredClone(schema);
for (const def of Object.values(closed.$defs)) if (def.type === "object") def.additionalProperties = false;

const validators = (of) => {
  const ajv = new Ajv2020({ strict: true, allErrors: true }).addSchema(of);
  return (ref) => ajv.getSchema(`${of.$id}#/$defs/${ref}`);
};
const open = validators(schema);
const strict = validators(closed);

test("every golden frame is one of its side's messages, and has no unknown member", () => {
  assert.ok(frames.length > 50);
  for (const { name, side, type, frame } of frames) {
    const own = strict(`${side}.${type}`);
    assert.ok(own, `no definition of ${side}.${type}`);
    assert.ok(own(frame), `${name}: ${JSON.stringify(own.errors)}`);
    assert.ok(open(side)(frame), `${name} is not an ${side}`);
  }
});

test("every message has a golden frame", () => {
  for (const side of ["ask", "tell"])
    for (const { $ref } of schema.$defs[side].oneOf) {
      const def = $ref.replace("#/$defs/", "");
      assert.ok(frames.some(({ name }) => name === def), `no ${def}.json`);
    }
});

// Method: take each required member away from each golden frame, and give each member a value of another type.
test("what is no frame is refused", () => {
  let tried = 0;
  for (const { name, side, type, frame } of frames) {
    const own = open(`${side}.${type}`);
    for (const member of schema.$defs[`${side}.${type}`].required) {
      const { [member]: _, ...rest } = frame;
      assert.ok(!own(rest), `${name} without ${member}`);
      tried++;
    }
    for (const member of Object.keys(frame)) {
      assert.ok(!own({ ...frame, [member]: null }), `${name} with ${member} null`);
      tried++;
    }
  }
  assert.ok(tried > 300);
});
