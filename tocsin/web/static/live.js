// Keeps a page fresh and answers the keyboard; without it, every page works and says so by reloading.
const REFRESH_MS = 5000;
const KEYS = { h: "/", o: "/slos", a: "/alerts", i: "/incidents", c: "/oncall", q: "/graph", r: "/rules", t: "/targets" };

async function refresh() {
  const still = "still" in document.getElementById("content").dataset;
  const busy = still || document.hidden || document.activeElement?.closest("form, dialog") || getSelection().type === "Range";
  if (busy) return;
  try {
    const answer = await fetch(location.href, { headers: { "X-Tocsin-Refresh": "1" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ["content", "navigation", "status"]) swap(id, fresh);
    document.title = fresh.title;
  } catch {
    document.getElementById("status").textContent = "tocsin does not answer; trying again";
  }
}

function swap(id, fresh) {
  const was = document.getElementById(id), is = fresh.getElementById(id);
  if (!was || !is || was.innerHTML === is.innerHTML) return;
  const open = [...was.querySelectorAll("details[open]")].map((d) => d.id).filter(Boolean);
  const focus = document.activeElement?.getAttribute("href"), row = selectedIndex();
  was.innerHTML = is.innerHTML;
  for (const name of open) document.getElementById(name)?.setAttribute("open", "");
  if (focus) was.querySelector(`a[href="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  if (row >= 0) select(row, false);
}

const rows = () => [...document.querySelectorAll("#content tbody tr")].filter((row) => row.checkVisibility?.() ?? true);
const selectedIndex = () => rows().findIndex((row) => row.ariaSelected === "true");

function select(index, scroll = true) {
  const all = rows();
  all.forEach((row) => row.removeAttribute("aria-selected"));
  const row = all[Math.max(0, Math.min(index, all.length - 1))];
  row?.setAttribute("aria-selected", "true");
  if (scroll) row?.scrollIntoView({ block: "nearest" });
}

let awaiting = false;
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key;
  if (awaiting && KEYS[key]) location.assign(KEYS[key]);
  awaiting = key === "g";
  if (key === "?") document.getElementById("help").showModal();
  if (key === "j") select(selectedIndex() + 1);
  if (key === "k") select(selectedIndex() - 1);
  if (key === "Enter" && !event.target.closest("a, button, summary")) rows()[selectedIndex()]?.querySelector("a")?.click();
});

document.addEventListener("change", (event) => event.target.closest("form[data-at-once]")?.requestSubmit());

setInterval(refresh, REFRESH_MS);
