"use strict";
(() => {
  const root = document.documentElement;
  const { figures, palette, surface } = JSON.parse(document.getElementById("data").textContent);
  const system = matchMedia("(prefers-color-scheme: dark)");
  const hidden = Object.fromEntries(figures.map((figure) => [figure.key, new Set()]));
  const theme = () => root.dataset.theme || (system.matches ? "dark" : "light");
  const place = (name, key) => document.querySelector(`[data-${name}="${key}"]`);
  const strokeOf = (role) => palette[role] || palette["ink-1"];
  const SWATCH = { solid: "", dash: "5 3", dot: "1.5 2.5", dashdot: "6 2 1.5 2" };

  function faded(colour, opacity) {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
    return `rgba(${r},${g},${b},${opacity})`;
  }

  // Columns that fit, with the panels spread evenly over the rows.
  function grid(figure, width) {
    const panels = figure.panels.length;
    const fit = Math.max(1, Math.floor(width / (figure.horizontal ? 380 : 290)));
    const rows = Math.ceil(panels / fit);
    return { rows, columns: Math.ceil(panels / rows) };
  }

  function traces(figure, shade) {
    return figure.data.map((trace) => {
      const { role, name, band } = trace.meta;
      const stroke = strokeOf(role);
      const colour = stroke[shade];
      const drawn = { ...trace, visible: !hidden[figure.key].has(name), legendgroup: name };
      if (band) return { ...drawn, fillcolor: faded(colour, 0.16), line: { width: 0 }, showlegend: false };
      drawn.line = { color: colour, width: trace.meta.thin ? 1.3 : stroke.width, dash: stroke.dash };
      drawn.marker = { color: colour, symbol: stroke.marker, size: figure.horizontal ? 9 : 6.5, line: { color: colour, width: 1.6 } };
      for (const error of ["error_x", "error_y"]) {
        if (drawn[error]) drawn[error] = { ...drawn[error], color: colour, thickness: 1.3, width: figure.horizontal ? 0 : 2 };
      }
      return drawn;
    });
  }

  // Ticks for a logarithmic axis: powers of ten over many decades, 1-2-5 over a few, even steps within one.
  function logTicks(values) {
    const found = values.filter((v) => v > 0);
    if (!found.length) return null;
    const low = Math.min(...found), high = Math.max(...found), decades = Math.log10(high / low);
    const ticks = [];
    if (decades < 0.7) {
      const rough = (high - low) / 3 || low, unit = 10 ** Math.floor(Math.log10(rough));
      const step = unit * [1, 2, 5, 10].find((k) => k * unit >= rough);
      for (let k = Math.ceil(low / step) - 1; k * step <= high + step; k++) if (k > 0) ticks.push(k * step);
    } else {
      const every = Math.ceil(decades / 6), digits = decades < 2.2 ? [1, 2, 5] : [1];
      for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
        if (e % every === 0) for (const digit of digits) ticks.push(digit * 10 ** e);
      }
    }
    return ticks.map((v) => [v, wordOf(v)]);
  }

  function plain(text) {
    return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  }

  function wordOf(value) {
    const exponent = Math.floor(Math.log10(value) + 1e-9), digit = Number((value / 10 ** exponent).toPrecision(3));
    if (exponent >= -3 && exponent <= 3) return String(Number(value.toPrecision(3)));
    return `${digit === 1 ? "" : `${digit}×`}10<sup>${exponent}</sup>`;
  }

  // From the least to the greatest value with some air, and zero inside.
  function aroundZero(values) {
    const low = Math.min(0, ...values), high = Math.max(0, ...values), air = 0.06 * (high - low) || 1;
    return [low - air, high + air];
  }

  // All values along an axis, the ends of the error bars included; of one group of panels, if one is named.
  function spread(figure, name, group) {
    const within = (trace) => group === undefined || figure.panels[Number(trace.yaxis.slice(1) || 1) - 1].group === group;
    return figure.data.filter(within).flatMap((trace) => trace[name].flatMap((v, i) => {
      const error = trace[`error_${name}`];
      return error && error.array[i] !== null ? [v + error.array[i], v - error.arrayminus[i]] : [v];
    }));
  }

  function axisOf(axis, paint, ticks) {
    const drawn = {
      type: axis.log ? "log" : "linear", fixedrange: true, automargin: false, showgrid: false, zeroline: axis.zero,
      zerolinecolor: paint.zero, zerolinewidth: 1.2, linecolor: paint.rule, tickcolor: paint.rule, ticklen: 4,
      ticks: "outside", tickfont: { size: 11, color: paint.muted }, title: { text: "", font: { size: 12, color: paint.muted } },
    };
    if (axis.log && ticks?.length === 1) drawn.range = [Math.log10(ticks[0][0]) - 0.2, Math.log10(ticks[0][0]) + 0.2];
    if (ticks) Object.assign(drawn, { tickmode: "array", tickvals: ticks.map((t) => t[0]), ticktext: ticks.map((t) => t[1]) });
    else if (!axis.log) drawn.nticks = 7;
    return drawn;
  }

  function layoutOf(figure, width, shade) {
    const paint = surface[shade];
    const { rows, columns } = grid(figure, width);
    const margin = { l: figure.horizontal ? 8 : 56, r: 14, t: figure.horizontal ? 48 : 30, b: 48 };
    const panelHeight = figure.horizontal ? 24 * Math.max(...figure.panels.map((p) => p.rows)) + 20 : width < 560 ? 180 : 210;
    const between = figure.horizontal ? 96 : 66;
    const height = margin.t + margin.b + rows * panelHeight + (rows - 1) * between;
    const inner = { x: width - margin.l - margin.r, y: height - margin.t - margin.b };
    const longest = Math.max(0, ...figure.panels.flatMap((p) => (p.ticks || []).map((t) => plain(t[1]).length)));
    const label = figure.horizontal ? Math.min(7.2 * longest + 12, 0.46 * inner.x / columns) : 0;
    const gutter = figure.horizontal ? label + 22 : 34;
    const panelWidth = (inner.x - (columns - 1) * gutter - label) / columns;
    const layout = {
      width, height, margin, showlegend: false, dragmode: false, hovermode: "closest",
      paper_bgcolor: paint.ground, plot_bgcolor: paint.ground,
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: paint.ink },
      hoverlabel: { bgcolor: paint.ground, bordercolor: paint.zero, font: { color: paint.ink, size: 12 }, align: "left" },
      annotations: [], shapes: [],
    };
    const yTicksOf = (panel) => figure.y.ticks || (figure.y.log ? logTicks(spread(figure, "y", panel.group)) : null);
    const xTicks = figure.x.ticks || (figure.x.log ? logTicks(spread(figure, "x")) : null);
    figure.panels.forEach((panel, index) => {
      const [row, column] = [Math.floor(index / columns), index % columns];
      const left = label + column * (panelWidth + gutter), top = row * (panelHeight + between);
      const id = index ? String(index + 1) : "";
      const x = axisOf(figure.x, paint, xTicks), y = axisOf(figure.y, paint, panel.ticks || yTicksOf(panel));
      x.domain = [left / inner.x, Math.min((left + panelWidth) / inner.x, 1)];
      y.domain = [Math.max(1 - (top + panelHeight) / inner.y, 0), 1 - top / inner.y];
      Object.assign(x, { anchor: `y${id}`, showline: true });
      Object.assign(y, { anchor: `x${id}` });
      const below = index + columns >= figure.panels.length;
      if (below) x.title = { ...x.title, text: figure.x.title, standoff: 8 };
      if (column === 0 && !figure.horizontal) y.title = { ...y.title, text: figure.y.title, standoff: 6 };
      if (index) x.matches = "x";
      const first = figure.panels.findIndex((other) => other.group === panel.group);
      if (first < index && !figure.horizontal) y.matches = `y${first ? first + 1 : ""}`;
      if (figure.y.zero) y.range = aroundZero(spread(figure, "y", panel.group));
      if (figure.x.zero) x.range = aroundZero(spread(figure, "x"));
      if (figure.horizontal) {
        Object.assign(y, { range: [-panel.rows + 0.4, 0.6], ticks: "", tickfont: { size: 12, color: paint.muted }, zeroline: false });
        const sizes = panel.ticks.some((t) => t[1].startsWith("n = "));
        y.ticktext = panel.ticks.map((t) => (!sizes || t[1].startsWith("n = ") ? t[1] : `<b>${t[1]}</b>`));
      } else {
        Object.assign(y, { showgrid: true, gridcolor: paint.rule, ticks: "" });
        if (column && figure.panels[index - 1].group === panel.group) y.showticklabels = false;
      }
      layout[`xaxis${id}`] = x;
      layout[`yaxis${id}`] = y;
      const note = { xref: "paper", yref: "paper", showarrow: false, yanchor: "bottom" };
      layout.annotations.push({
        ...note, x: (figure.horizontal ? left - label : left) / inner.x, y: y.domain[1], xanchor: "left", text: `<b>${panel.title}</b>`,
        yshift: figure.horizontal ? 22 : 6, font: { size: 13, color: paint.ink },
      });
      if (figure.sides.length) {
        const side = { ...note, yref: "paper", y: y.domain[1], yshift: 4, font: { size: 11, color: paint.muted } };
        layout.annotations.push({ ...side, xref: `x${id}`, x: 0, xanchor: "right", xshift: -6, text: `← ${figure.sides[0]}` });
        layout.annotations.push({ ...side, xref: `x${id}`, x: 0, xanchor: "left", xshift: 6, text: `${figure.sides[1]} →` });
      }
    });
    return layout;
  }

  function draw(figure) {
    const div = place("figure", figure.key);
    const width = Math.floor(div.clientWidth);
    if (!width) return;
    Plotly.react(div, traces(figure, theme()), layoutOf(figure, width, theme()), { displayModeBar: false, responsive: false });
  }

  function swatch(entry) {
    const stroke = strokeOf(entry.role);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 30 12");
    svg.setAttribute("aria-hidden", "true");
    svg.setAttribute("class", `swatch role-${entry.role}`);
    const open = stroke.marker.endsWith("-open");
    const shapes = {
      circle: ["circle", { cx: 15, cy: 6, r: 3.4 }],
      square: ["rect", { x: 11.8, y: 2.8, width: 6.4, height: 6.4 }],
      diamond: ["path", { d: "M15 1.6 19.4 6 15 10.4 10.6 6Z" }],
      "triangle-up": ["path", { d: "M15 2 19 9.4H11Z" }],
    };
    const line = ["line", { x1: 0, x2: 30, y1: 6, y2: 6, "stroke-width": stroke.width, "stroke-dasharray": SWATCH[stroke.dash] || "" }];
    const parts = [entry.line && line, entry.markers && shapes[stroke.marker.replace("-open", "")]].filter(Boolean);
    for (const [tag, attributes] of parts) {
      const part = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value);
      part.setAttribute("stroke", "currentColor");
      if (tag !== "line") part.setAttribute("fill", open ? "none" : "currentColor");
      if (tag !== "line") part.setAttribute("stroke-width", "1.6");
      svg.append(part);
    }
    svg.style.color = stroke[theme()];
    return svg;
  }

  function legend(figure) {
    const group = place("legend", figure.key);
    const has = (entry, what) => figure.data.some((trace) => trace.meta.name === entry.name && trace.meta[what]);
    group.replaceChildren();
    if (figure.legend.length < 2) return;
    for (const entry of figure.legend) {
      const button = document.createElement("button");
      const off = hidden[figure.key];
      button.type = "button";
      button.className = "entry";
      button.setAttribute("aria-pressed", String(!off.has(entry.name)));
      button.append(swatch({ ...entry, line: has(entry, "line"), markers: has(entry, "markers") }), entry.name);
      button.addEventListener("click", () => {
        if (off.has(entry.name)) off.delete(entry.name); else off.add(entry.name);
        button.setAttribute("aria-pressed", String(!off.has(entry.name)));
        draw(figure);
      });
      group.append(button);
    }
  }

  async function save(figure) {
    const width = Math.max(place("figure", figure.key).clientWidth, 720);
    const layout = layoutOf(figure, width, "light");
    const data = traces(figure, "light"), named = new Set();
    for (const trace of data) {
      if (trace.meta.band) continue;
      trace.showlegend = !named.has(trace.meta.name);
      named.add(trace.meta.name);
    }
    Object.assign(layout, { showlegend: figure.legend.length > 1, legend: { orientation: "h", x: 0, y: 1, yref: "container", yanchor: "top" } });
    if (layout.showlegend) { layout.margin = { ...layout.margin, t: layout.margin.t + 34 }; layout.height += 34; }
    const url = await Plotly.toImage({ data, layout }, { format: "svg", width, height: layout.height });
    const text = decodeURIComponent(url.slice(url.indexOf(",") + 1));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
    link.download = `${figure.key}.svg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function drawAll() {
    for (const figure of figures) { legend(figure); draw(figure); }
  }

  const toggle = document.getElementById("theme");
  const named = () => { 
    toggle.textContent = theme() === "dark" ? "Light" : "Dark";
    toggle.title = `Show this page in ${toggle.textContent.toLowerCase()} colours`;
  };
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    try { localStorage.setItem("tangentlab-theme", root.dataset.theme); } catch { /* not kept, and that is all */ }
    named();
    drawAll();
  });
  system.addEventListener("change", () => { named(); drawAll(); });
  named();

  for (const button of document.querySelectorAll("[data-save]")) {
    button.addEventListener("click", () => save(figures.find((figure) => figure.key === button.dataset.save)));
  }

  const copy = document.getElementById("copy");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById("command").textContent);
      copy.textContent = "Copied";
      setTimeout(() => { copy.textContent = "Copy"; }, 1500);
    });
  }

  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    for (const figure of figures) draw(figure);
  });
  addEventListener("beforeprint", () => { for (const figure of figures) draw(figure); });
  drawAll();
})();
