// Counters, gauges and histograms in the text format of Prometheus. Small on purpose: a server pays for it from its first
// second, and a client library costs twelve megabytes and a tenth of the start.

export interface MetricOptions {
  readonly name: string
  readonly help: string
  readonly labels?: readonly string[]
}

/** The values of a metric's labels, in the order that it was defined with. */
export type LabelValues = readonly string[]

interface Metric {
  readonly options: MetricOptions
  readonly type: 'counter' | 'gauge' | 'histogram'
  lines(): string[]
}

const separator = '\u0000'

/** The value of a counter or gauge under one combination of label values. */
export interface Cell {
  value: number
}

/** A cell for each combination of label values that was ever used. */
class Values implements Metric {
  readonly options: MetricOptions
  readonly type: 'counter' | 'gauge'
  readonly #cells = new Map<string, Cell>()

  constructor(type: 'counter' | 'gauge', options: MetricOptions) {
    this.type = type
    this.options = options
    if (!options.labels?.length) this.cell([])
  }

  /** For hot paths, which look it up once. */
  cell(labels: LabelValues): Cell {
    const key = labels.join(separator)
    let cell = this.#cells.get(key)
    if (!cell) this.#cells.set(key, (cell = { value: 0 }))
    return cell
  }

  lines(): string[] {
    const { name, labels = [] } = this.options
    return [...this.#cells].map(([key, { value }]) => `${name}${labelText(labels, key.split(separator))} ${numberText(value)}`)
  }
}

export class Counter extends Values {
  constructor(options: MetricOptions) {
    super('counter', options)
  }
  inc(labels: LabelValues = [], by = 1): void {
    this.cell(labels).value += by
  }
}

export class Gauge extends Values {
  constructor(options: MetricOptions) {
    super('gauge', options)
  }
  inc(labels: LabelValues = []): void {
    this.cell(labels).value++
  }
  dec(labels: LabelValues = []): void {
    this.cell(labels).value--
  }
  set(value: number, labels: LabelValues = []): void {
    this.cell(labels).value = value
  }
}

/** What a histogram has seen under one combination of label values. */
export class Observations {
  readonly #bounds: readonly number[]
  /** How many fell into each bucket alone; the last one is beyond all bounds. */
  readonly counts: number[]
  sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  observe(value: number): void {
    let bucket = 0
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket++
    this.counts[bucket]!++
    this.sum += value
  }
}

export class Histogram implements Metric {
  readonly options: MetricOptions
  readonly type = 'histogram'
  readonly #bounds: readonly number[]
  readonly #series = new Map<string, Observations>()

  constructor(options: MetricOptions, bounds: readonly number[]) {
    this.options = options
    this.#bounds = bounds
  }

  observe(value: number, labels: LabelValues = []): void {
    this.observations(labels).observe(value)
  }

  /** For hot paths, which look it up once. */
  observations(labels: LabelValues): Observations {
    const key = labels.join(separator)
    let series = this.#series.get(key)
    if (!series) this.#series.set(key, (series = new Observations(this.#bounds)))
    return series
  }

  lines(): string[] {
    const { name, labels = [] } = this.options
    const observed = [...this.#series].filter(([, { counts }]) => counts.some((count) => count > 0))
    return observed.flatMap(([key, { counts, sum }]) => {
      const values = key === '' ? [] : key.split(separator)
      let total = 0
      const buckets = counts.map((count, i) => {
        total += count
        const bound = this.#bounds[i] === undefined ? '+Inf' : String(this.#bounds[i])
        return `${name}_bucket${labelText([...labels, 'le'], [...values, bound])} ${total}`
      })
      return [...buckets, `${name}_sum${labelText(labels, values)} ${numberText(sum)}`, `${name}_count${labelText(labels, values)} ${total}`]
    })
  }
}

/** The metrics of one process. Defining a name twice is a fault. */
export class MetricRegistry {
  readonly #metrics = new Map<string, Metric>()
  readonly #collectors: (() => void)[] = []

  counter = (options: MetricOptions): Counter => this.#add(new Counter(options))
  gauge = (options: MetricOptions): Gauge => this.#add(new Gauge(options))
  histogram = (options: MetricOptions, bounds: readonly number[]): Histogram => this.#add(new Histogram(options, bounds))

  /** Runs before each rendering: for gauges that are read and not followed. */
  onCollect(collect: () => void): void {
    this.#collectors.push(collect)
  }

  render(): string {
    for (const collect of this.#collectors) collect()
    const sorted = [...this.#metrics.values()].sort((a, b) => (a.options.name < b.options.name ? -1 : 1))
    return sorted
      .map((metric) => ({ ...metric.options, type: metric.type, lines: metric.lines() }))
      .filter(({ lines }) => lines.length > 0)
      .map(({ name, help, type, lines }) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`)
      .join('')
  }

  #add<M extends Metric>(metric: M): M {
    const { name } = metric.options
    if (this.#metrics.has(name)) throw new Error(`the metric ${name} is defined twice`)
    this.#metrics.set(name, metric)
    return metric
  }
}

/** `count` bounds from `start` on, each `factor` times the one before. */
export const exponentialBounds = (start: number, factor: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => Number((start * factor ** i).toPrecision(6)))

const escaped: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }

const labelText = (names: readonly string[], values: LabelValues): string =>
  names.length === 0 ? '' : `{${names.map((name, i) => `${name}="${(values[i] ?? '').replace(/[\\"\n]/g, (char) => escaped[char]!)}"`).join(',')}}`

const numberText = (value: number): string => (Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf')
