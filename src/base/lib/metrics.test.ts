import { expect, test } from 'vitest'
import { exponentialBounds, MetricRegistry } from './metrics.ts'

test('renders the text format, sorted by name, with cumulative buckets and escaped values', () => {
  const registry = new MetricRegistry()
  const requests = registry.counter({ name: 'requests_total', help: 'Requests.', labels: ['verb', 'code'] })
  requests.inc(['GET', '200'])
  requests.inc(['GET', '200'], 2)
  requests.inc(['a"b\\c\n', '404'])
  const seconds = registry.histogram({ name: 'duration_seconds', help: 'Durations.', labels: ['verb'] }, [0.1, 1])
  for (const value of [0.05, 0.1, 0.5, 3]) seconds.observe(value, ['GET'])
  const depth = registry.gauge({ name: 'depth', help: 'Depth.' })
  registry.onCollect(() => depth.set(7))
  registry.counter({ name: 'never_total', help: 'Never used.', labels: ['x'] })
  expect(registry.render()).toBe(`# HELP depth Depth.
# TYPE depth gauge
depth 7
# HELP duration_seconds Durations.
# TYPE duration_seconds histogram
duration_seconds_bucket{verb="GET",le="0.1"} 2
duration_seconds_bucket{verb="GET",le="1"} 3
duration_seconds_bucket{verb="GET",le="+Inf"} 4
duration_seconds_sum{verb="GET"} 3.65
duration_seconds_count{verb="GET"} 4
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{verb="GET",code="200"} 3
requests_total{verb="a\\"b\\\\c\\n",code="404"} 1
`)
})

test('a gauge goes up and down', () => {
  const registry = new MetricRegistry()
  const gauge = registry.gauge({ name: 'open', help: 'Open.', labels: ['kind'] })
  gauge.inc(['a'])
  gauge.inc(['a'])
  gauge.dec(['a'])
  expect(registry.render()).toContain('open{kind="a"} 1\n')
})

test('a name is defined once', () => {
  const registry = new MetricRegistry()
  registry.gauge({ name: 'x', help: '' })
  expect(() => registry.counter({ name: 'x', help: '' })).toThrow('the metric x is defined twice')
})

test('bounds grow by a factor', () => {
  expect(exponentialBounds(0.001, 2, 4)).toEqual([0.001, 0.002, 0.004, 0.008])
})
