// Elements and times, as all parts of the page write them. What a file says goes through `element`, as text.
export const $ = (id) => document.getElementById(id);

export function element(kind, name, text = "") {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = text;
  return made;
}

export const clock = (seconds) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
