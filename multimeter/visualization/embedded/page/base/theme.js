// Dark or light: what was chosen here before, else what the system asks for. Not a
// module, so that it runs before the first paint. Tells of changes by "themechange".

(() => {
  const STORED_AS = "multimeter-theme";
  const root = document.documentElement;
  const systemDark = matchMedia("(prefers-color-scheme: dark)");

  function stored() {
    try {
      return localStorage.getItem(STORED_AS);
    } catch {
      return null; // Storage can be switched off.
    }
  }

  function choose(/** @type {string} */ theme) {
    root.dataset.theme = theme;
    try {
      localStorage.setItem(STORED_AS, theme);
    } catch {
      // Then the choice lasts as long as the page.
    }
    tell();
  }

  function tell() {
    document.dispatchEvent(new Event("themechange"));
  }

  const before = stored();
  if (before === "dark" || before === "light") root.dataset.theme = before;
  systemDark.addEventListener("change", tell);
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme")?.addEventListener("click", () => {
      const shown = root.dataset.theme ?? (systemDark.matches ? "dark" : "light");
      choose(shown === "dark" ? "light" : "dark");
    });
  });
})();
