"use strict";
// Before anything is drawn: the theme that was chosen the last time, if the browser keeps it.
try {
  const chosen = localStorage.getItem("tangentlab-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* a page opened from a file may have no storage */ }
