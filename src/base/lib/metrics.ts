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

/** A value for each combination of label values that was ever used. */
class Values implements Metric {
  readonly options: MetricOptions
  readonly type: 'counter' | 'gauge'
  readonly #values = new Map<string, number>()

  constructor(type: 'counter' | 'gauge', options: MetricOptions) {
    this.type = type
    this.options = options
    if (!options.labels?.length) this.#values.set('', 0)
  }

  add(labels: LabelValues, by: number): void {
    const key = labels.join(separator)
    this.#values.set(key, (this.#values.get(key) ?? 0) + by)
  }

  set(labels: LabelValues, value: number): void {
    this.#values.set(labels.join(separator), value)
  }

  lines(): string[] {
    const { name, labels = [] } = this.options
    return [...this.#values].map(([key, value]) => `${name}${labelText(labels, key.split(separator))} ${numberText(value)}`)
  }
}

export class Counter {
  readonly #values: Values
  constructor(values: Values) {
    this.#values = values
  }
  inc(labels: LabelValues = [], by = 1): void {
    this.#values.add(labels, by)
  }
}

export class Gauge extends Counter {
  readonly #own: Values
  constructor(values: Values) {
    super(values)
    this.#own = values
  }
  dec(labels: LabelValues = []): void {
    this.#own.add(labels, -1)
  }
  set(value: number, labels: LabelValues = []): void {
    this.#own.set(labels, value)
  }
}

interface Observed {
  /** How many fell into each bucket alone; the last one is beyond all bounds. */
  readonly counts: number[]
  sum: number
}

export class Histogram implements Metric {
  readonly options: MetricOptions
  readonly type = 'histogram'
  readonly #bounds: readonly number[]
  readonly #series = new Map<string, Observed>()

  constructor(options: MetricOptions, bounds: readonly number[]) {
    this.options = options
    this.#bounds = bounds
  }

  observe(value: number, labels: LabelValues = []): void {
    const key = labels.join(separator)
    let series = this.#series.get(key)
    if (!series) this.#series.set(key, (series = { counts: Array.from({ length: this.#bounds.length + 1 }, () => 0), sum: 0 }))
    let bucket = 0
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket++
    series.counts[bucket]!++
    series.sum += value
  }

  lines(): string[] {
    const { name, labels = [] } = this.options
    return [...this.#series].flatMap(([key, { counts, sum }]) => {
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

  counter = (options: MetricOptions): Counter => new Counter(this.#add(new Values('counter', options)))
  gauge = (options: MetricOptions): Gauge => new Gauge(this.#add(new Values('gauge', options)))
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
