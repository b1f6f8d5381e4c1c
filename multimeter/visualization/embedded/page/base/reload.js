// The page consists of many small files. When one of them does not arrive (a laptop
// changes its network, the server starts again), the page loads itself once more. Not a
// module, because it has to be there when a module is not.

(() => {
  const STORED_AS = "multimeter-reloaded";
  const PAUSE = 5000; // milliseconds between two attempts

  function reload() {
    sessionStorage.setItem(STORED_AS, String(Date.now()));
    location.reload();
  }

  addEventListener(
    "error",
    (event) => {
      if (!(event.target instanceof HTMLScriptElement)) return;
      const since = Date.now() - Number(sessionStorage.getItem(STORED_AS) ?? 0);
      setTimeout(reload, Math.max(100, PAUSE - since));
    },
    true, // such events do not rise to the window
  );
})();
