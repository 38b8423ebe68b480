import uPlot from 'uplot'

const INTERVAL_MS = 5_000
const HEIGHT = 220
const KEPT_MS = 3_600_000
const TIMEOUT_MS = 8_000

/** @typedef {{ at: number } & Record<string, number | null>} Sample */
/** @typedef {{ key: string, label: string, color: string, fill?: boolean }} Line */
/** @typedef {{ lines: Line[], format: (value: number) => string }} Chart */

/** @type {Record<string, Chart>} */
const CHARTS = {
  throughput: {
    lines: [
      { key: 'created', label: 'Accepted', color: '--line-1' },
      { key: 'succeeded', label: 'Succeeded', color: '--line-2', fill: true },
      { key: 'failed', label: 'Failed', color: '--line-3' },
    ],
    format: (value) => `${round(value)} / s`,
  },
  latency: {
    lines: [
      { key: 'p50Ms', label: 'p50', color: '--line-2' },
      { key: 'p95Ms', label: 'p95', color: '--line-1' },
      { key: 'p99Ms', label: 'p99', color: '--line-4' },
    ],
    format: (value) => (value < 1_000 ? `${Math.round(value)} ms` : `${round(value / 1_000)} s`),
  },
  depth: {
    lines: [
      { key: 'ready', label: 'Ready', color: '--line-1', fill: true },
      { key: 'delayed', label: 'Delayed', color: '--line-4' },
      { key: 'leased', label: 'In flight', color: '--line-2' },
      { key: 'dead', label: 'Dead', color: '--line-3' },
    ],
    format: (value) => round(value),
  },
}

/** @param {number} value */
function round(value) {
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : 1 })
}

/** Draws the charts of the page and adds the points that come. */
export function startCharts() {
  /** @type {NodeListOf<HTMLElement>} */
  const figures = document.querySelectorAll('[data-chart]')
  const source = figures[0]?.dataset.source
  if (source === undefined) return
  /** @type {Sample[]} */
  const samples = []
  const charts = [...figures].map((figure) => createChart(figure, samples))

  const load = async () => {
    if (!document.hidden) {
      try {
        const url = `${source}?after=${samples.at(-1)?.at ?? 0}`
        const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
        if (response.ok) {
          samples.push(...(await response.json()).samples)
          while (samples[0] !== undefined && samples[0].at < Date.now() - KEPT_MS) samples.shift()
          for (const chart of charts) chart.draw()
        }
      } catch {
        // The state of the connection is shown at the top; the points that are missing come with the next answer.
      }
    }
    setTimeout(load, INTERVAL_MS)
  }
  document.addEventListener('themechange', () => {
    for (const chart of charts) chart.recolor()
  })
  void load()
}

/** @param {HTMLElement} figure @param {readonly Sample[]} samples */
function createChart(figure, samples) {
  const plot = /** @type {HTMLElement} */ (figure.querySelector('[data-plot]'))
  const { lines = [], format = round } = CHARTS[figure.dataset.chart ?? ''] ?? {}
  /** @type {uPlot | undefined} */
  let view

  const draw = () => {
    if (samples.length < 2) return
    /** @type {uPlot.AlignedData} */
    const data = [
      samples.map(({ at }) => at / 1_000),
      ...lines.map(({ key }) => samples.map((sample) => sample[key] ?? null)),
    ]
    plot.querySelector('[data-loading]')?.remove()
    if (view === undefined) view = new uPlot(optionsOf({ lines, format }, widthOf(plot)), data, plot)
    else view.setData(data)
    // What the picture shows, in words.
    const now = lines.map(({ key, label }) => {
      const value = samples.at(-1)?.[key]
      return `${label} ${value == null ? 'none' : format(value)}`
    })
    plot.setAttribute('role', 'img')
    plot.setAttribute('aria-label', `Now: ${now.join(', ')}`)
  }
  const recolor = () => {
    view?.destroy()
    view = undefined
    draw()
  }

  new ResizeObserver(() => view?.setSize({ width: widthOf(plot), height: HEIGHT })).observe(plot)
  return { draw, recolor }
}

/** @param {Chart} chart @param {number} width @returns {uPlot.Options} */
function optionsOf({ lines, format }, width) {
  const axis = {
    stroke: colorOf('--muted'),
    grid: { stroke: colorOf('--border'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  }
  return {
    width,
    height: HEIGHT,
    padding: [12, 8, 0, 0],
    cursor: { points: { size: 6 }, drag: { x: false, y: false } },
    scales: { y: { range: (_view, _least, most) => [0, Math.max(1, (most ?? 0) * 1.1)] } },
    axes: [
      { ...axis, size: 30, space: 70, values: (_view, ticks) => ticks.map(timeOf) },
      { ...axis, size: 62, values: (_view, ticks) => ticks.map((tick) => format(tick)) },
    ],
    series: [
      { label: 'Time' },
      ...lines.map(({ label, color, fill }) => ({
        label,
        stroke: colorOf(color),
        width: 2,
        points: { show: false },
        ...(fill === true ? { fill: colorOf(color).replace(')', ', 0.13)') } : {}),
        /** @type {uPlot.Series.Value} */
        value: (view, value, line, at) => {
          // Without a cursor: the last point.
          const shown = at == null ? view.data[line]?.at(-1) : value
          return shown == null ? '–' : format(shown)
        },
      })),
    ],
  }
}

/** Between the paddings. @param {HTMLElement} plot */
function widthOf(plot) {
  const { paddingLeft, paddingRight } = getComputedStyle(plot)
  return plot.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight)
}

/** @param {number} seconds */
function timeOf(seconds) {
  return new Date(seconds * 1_000).toISOString().slice(11, 19)
}

/** A canvas does not know `light-dark()`: the browser computes the colour that it stands for now. @param {string} property */
function colorOf(property) {
  const probe = document.createElement('span')
  probe.style.color = `var(${property})`
  document.body.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
