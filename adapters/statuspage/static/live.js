// Keeps what is marked data-live up to date, without touching forms, focus or the place in the page.
(function () {
  "use strict";
  const events = document.currentScript.dataset.events;
  const gap = 1000; // ms between two looks at least
  const look = 15000; // ms after which there may be something new without anybody's telling
  const longest = 60000; // ms between two tries at most, while there is no answer
  const state = document.getElementById("live");
  let stream, timer, due = Infinity, last = Date.now(), busy = false, again = false, failed = 0, pause = 0;

  function say(text, cut) {
    if (state.textContent !== text) state.textContent = text;
    state.classList.toggle("cut", Boolean(cut));
  }

  // within has the page looked at, at the latest in so many ms.
  function within(ms) {
    const at = Math.max(Date.now() + ms, last + gap, pause);
    if (at >= due) return;
    due = at;
    clearTimeout(timer);
    timer = setTimeout(refresh, at - Date.now());
  }

  async function refresh() {
    due = Infinity;
    if (document.hidden) return;
    again = busy;
    if (busy) return;
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store", signal: AbortSignal.timeout(10000) });
      if (!answer.ok && answer.status !== 404) throw new Error("answer " + answer.status);
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      failed = pause = 0;
      last = Date.now();
      say("live");
    } catch (err) {
      failed++;
      pause = Date.now() + Math.min(1000 * 2 ** failed, longest);
      say("no answer since " + new Date(last).toLocaleTimeString() + ": what is shown is from then", true);
    }
    busy = false;
    within(again ? 0 : look);
    again = false;
  }

  // mark finds the same link again in the new text.
  function mark(region, focused) {
    const same = Array.from(region.querySelectorAll("a")).filter((a) => a.getAttribute("href") === focused.getAttribute("href"));
    return { href: focused.getAttribute("href"), at: same.indexOf(focused) };
  }

  function show(next) {
    document.title = next.title;
    for (const old of document.querySelectorAll("[data-live]")) {
      const fresh = next.getElementById(old.id);
      if (!fresh || selecting(old)) continue;
      const focused = old.contains(document.activeElement) ? mark(old, document.activeElement) : null;
      old.replaceChildren(...fresh.childNodes);
      if (!focused) continue;
      const same = Array.from(old.querySelectorAll("a")).filter((a) => a.getAttribute("href") === focused.href);
      (same[focused.at] || same[0] || document.getElementById("main")).focus({ preventScroll: true });
    }
  }

  // selecting reports whether somebody is about to copy a part of it.
  function selecting(region) {
    const s = document.getSelection();
    return s && !s.isCollapsed && region.contains(s.anchorNode);
  }

  function listen() {
    if (stream) stream.close();
    stream = new EventSource(events);
    stream.onopen = () => within(0);
    stream.addEventListener("news", () => within(0));
    stream.onerror = () => {
      within(look);
      if (stream.readyState === EventSource.CLOSED) setTimeout(() => document.hidden || listen(), longest);
    };
  }

  // A browser has six connections to a host, so pages that nobody sees take none.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      if (stream) stream.close();
      return;
    }
    listen();
    within(0);
  });
  if (!document.hidden) listen();
  within(look);
})();
