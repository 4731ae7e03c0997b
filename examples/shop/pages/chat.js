"use strict";
const post = async (path, body) => {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return answer.json();
};
const show = (text, kind) => {
  const line = document.createElement("p");
  line.className = kind;
  line.textContent = text;
  document.getElementById("talk").append(line);
};
const text = document.getElementById("text");
document.getElementById("say").addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = text.value;
  text.value = "";
  show(said, "heard");
  show((await post("/say", { text: said })).says, "said");
});
document.getElementById("person").addEventListener("click", async () => {
  const along = await post("/hand-over", {});
  // Our own drawing, of squares only.
  const drawn = new DOMParser().parseFromString(along.qr, "image/svg+xml");
  document.getElementById("qr").replaceChildren(drawn.documentElement);
  document.getElementById("code").textContent = along.code;
  document.getElementById("further").textContent = along.further;
  document.getElementById("tel").href = along.tel;
  document.getElementById("along").hidden = false;
});
// What was carried here from elsewhere goes on in this session.
const brought = sessionStorage.getItem("says");
sessionStorage.removeItem("says");
show(brought ?? "Hello! How can we help?", "said");
