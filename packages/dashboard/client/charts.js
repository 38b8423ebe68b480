import uPlot from 'uplot'

const INTERVAL_MS = 5_000
const HEIGHT = 220
const KEPT_MS = 3_600_000

/** @typedef {{ at: number } & Record<string, number | null>} Sample */
/** @typedef {{ key: string, label: string, color: string, fill?: boolean }} Line */

/** @type {Record<string, { lines: Line[], format: (value: number) => string }>} */
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
  const figures = [...document.querySelectorAll('[data-chart]')]
  const source = figures[0]?.getAttribute('data-source')
  if (source == null) return
  /** @type {Sample[]} */
  const samples = []
  const charts = figures.map((figure) => createChart(/** @type {HTMLElement} */ (figure)))

  const load = async () => {
    if (!document.hidden) {
      try {
        const response = await fetch(`${source}?after=${samples.at(-1)?.at ?? 0}`)
        if (response.ok) {
          const { samples: fresh } = await response.json()
          samples.push(...fresh)
          while (samples[0] !== undefined && samples[0].at < Date.now() - KEPT_MS) samples.shift()
          for (const chart of charts) chart.draw(samples)
        }
      } catch {
        // The state of the connection is shown at the top; the points that are missing come with the next answer.
      }
    }
    setTimeout(load, INTERVAL_MS)
  }
  document.addEventListener('themechange', () => {
    for (const chart of charts) chart.recolor(samples)
  })
  void load()
}

/** @param {HTMLElement} figure */
function createChart(figure) {
  const plot = /** @type {HTMLElement} */ (figure.querySelector('[data-plot]'))
  const name = figure.dataset.chart ?? ''
  const chart = CHARTS[name]
  /** @type {uPlot | undefined} */
  let view

  /** @param {Sample[]} samples @returns {uPlot.AlignedData} */
  const dataOf = (samples) => [
    samples.map(({ at }) => at / 1_000),
    ...(chart?.lines ?? []).map(({ key }) => samples.map((sample) => sample[key] ?? null)),
  ]

  /** @param {Sample[]} samples */
  const draw = (samples) => {
    if (chart === undefined || samples.length < 2) return
    if (view === undefined) {
      plot.querySelector('[data-loading]')?.remove()
      view = new uPlot(optionsOf(chart, widthOf(plot)), dataOf(samples), plot)
    } else view.setData(dataOf(samples))
    if (view.cursor.idx == null) view.setLegend({ idx: samples.length - 1 })
    describe(samples)
  }

  /** What the picture shows, in words. @param {Sample[]} samples */
  const describe = (samples) => {
    const last = samples.at(-1)
    const parts = (chart?.lines ?? []).map(({ key, label }) => {
      const value = last?.[key]
      return `${label} ${value == null || chart === undefined ? 'none' : chart.format(value)}`
    })
    plot.setAttribute('role', 'img')
    plot.setAttribute('aria-label', `Now: ${parts.join(', ')}`)
  }

  new ResizeObserver(() => view?.setSize({ width: widthOf(plot), height: HEIGHT })).observe(plot)
  return {
    draw,
    /** @param {Sample[]} samples */
    recolor: (samples) => {
      view?.destroy()
      view = undefined
      draw(samples)
    },
  }
}

/** @param {NonNullable<typeof CHARTS[string]>} chart @param {number} width @returns {uPlot.Options} */
function optionsOf(chart, width) {
  const style = getComputedStyle(document.documentElement)
  /** @param {string} property */
  const color = (property) => resolveColor(style.getPropertyValue(property).trim())
  const axis = {
    stroke: color('--muted'),
    grid: { stroke: color('--border'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  }
  return {
    width,
    height: HEIGHT,
    padding: [12, 8, 0, 0],
    cursor: { points: { size: 6 }, drag: { x: false, y: false } },
    legend: { live: true },
    scales: { y: { range: (_view, _least, most) => [0, Math.max(1, (most ?? 0) * 1.1)] } },
    axes: [
      { ...axis, size: 30, space: 70, values: (_view, ticks) => ticks.map(timeOf) },
      { ...axis, size: 62, values: (_view, ticks) => ticks.map((tick) => chart.format(tick)) },
    ],
    series: [
      { label: 'Time', value: (_view, seconds) => (seconds == null ? '–' : timeOf(seconds)) },
      ...chart.lines.map(({ label, color: property, fill }) => ({
        label,
        stroke: color(property),
        width: 2,
        points: { show: false },
        ...(fill === true ? { fill: `${color(property)}22` } : {}),
        /** @param {uPlot} _view @param {number | null} value */
        value: (_view, value) => (value == null ? '–' : chart.format(value)),
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

/** A canvas does not know `light-dark()`: the browser computes the colour that it stands for now. @param {string} text */
function resolveColor(text) {
  const probe = document.createElement('span')
  probe.style.color = text
  document.body.append(probe)
  const [red = 0, green = 0, blue = 0] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? []).map(Number)
  probe.remove()
  return `#${[red, green, blue].map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`
}
