// The files of what was dropped; of a folder those that look like music, in the order of their names.
import { $ } from "./dom.js";

export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  return (await Promise.all(entries.map((entry) => filesBelow(entry, false)))).flat();
}

async function filesBelow(entry, isInFolder) {
  if (entry.isFile) {
    const isMusic = $("files").accept.split(",").some((suffix) => entry.name.toLowerCase().endsWith(suffix));
    return isInFolder && !isMusic ? [] : [await new Promise((done, fail) => entry.file(done, fail))];
  }
  const reader = entry.createReader();
  const found = [];
  for (let some; (some = await new Promise((done, fail) => reader.readEntries(done, fail))).length;) found.push(...some);
  found.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
  return (await Promise.all(found.map((below) => filesBelow(below, true)))).flat();
}
