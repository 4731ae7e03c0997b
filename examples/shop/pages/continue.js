"use strict";
const found = /^#cx=(CX[A-Z2-7]{46})$/.exec(location.hash);
// Out of the address bar, the history and the next screenshot.
history.replaceState(null, "", location.pathname + location.search);

const button = document.getElementById("go");
button.disabled = found === null;
button.addEventListener("click", async () => {
  button.disabled = true;
  const answer = await fetch("/continue", {
    method: "POST",
    // No other site's form can send this type.
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ reference: found[1] }),
    redirect: "error",
  });
  const { says } = await answer.json();
  if (answer.ok) {
    sessionStorage.setItem("says", says);
    location.replace("/");
  } else {
    document.getElementById("told").textContent = says;
  }
});
