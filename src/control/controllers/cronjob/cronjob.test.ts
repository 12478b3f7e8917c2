import { afterEach, describe, expect, it } from 'vitest'
import { cronJobs, jobs } from '../../../base/api/kinds.ts'
import { stampOf } from '../../../base/client/stamp.ts'
import { startStory, type Story } from '../story.ts'
import { cronJobController } from './cronjob.ts'
import { parseSchedule } from './schedule.ts'

const ref = { namespace: 'shop', name: 'backup' }
const cronJob = (spec: object) => ({
  metadata: ref,
  spec: { schedule: '*/5 * * * *', jobTemplate: { metadata: { labels: { job: 'backup' } }, spec: { template: { spec: { containers: [] } } } }, ...spec },
})
const minutes = 60_000

describe('a CronJob', () => {
  let story: Story
  afterEach(() => story.stop())
  const start = async (spec: object = {}) => {
    story = startStory([cronJobController])
    await story.client.create(cronJobs, cronJob(spec))
    await story.quiet()
  }
  const all = async () => (await story.client.list(jobs)).items.filter(({ metadata }) => !metadata.deletionTimestamp)
  const names = async () => (await all()).map(({ metadata }) => metadata.name)
  const status = async () => (await story.client.get(cronJobs, ref)).status
  const later = async (ms: number) => {
    await story.clock.advance(ms)
    await story.quiet()
  }
  const end = async (type: 'Complete' | 'Failed') => {
    for (const { metadata, status: was } of await all()) {
      if (was?.conditions) continue
      const completionTime = stampOf(story.clock.now())
      await story.client.patch(jobs, metadata, { status: { conditions: [{ type, status: 'True' }], completionTime } }, { type: 'merge', subresource: 'status' })
    }
    await story.quiet()
  }

  it('starts a Job at each time, named after it, and says so', async () => {
    await start()
    expect(await names()).toEqual([])
    await later(5 * minutes + 200)
    const [job] = await all()
    expect(job?.metadata).toMatchObject({
      name: `backup-${Date.UTC(2026, 0, 1, 0, 5) / minutes}`,
      labels: { job: 'backup' },
      annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T00:05:00Z' },
      ownerReferences: [{ kind: 'CronJob', name: 'backup' }],
    })
    expect(await status()).toMatchObject({ lastScheduleTime: '2026-01-01T00:05:00Z', active: [{ kind: 'Job', name: job?.metadata.name }] })
    await end('Complete')
    expect(await status()).toMatchObject({ lastSuccessfulTime: expect.any(String) })
    expect((await status()).active).toBeUndefined()
    expect(await story.events()).toEqual(
      expect.arrayContaining([
        `CronJob Normal SuccessfulCreate Created job ${job?.metadata.name}`,
        `CronJob Normal SawCompletedJob Saw completed job: ${job?.metadata.name}, condition: Complete`,
      ]),
    )
    expect(await story.restart()).toEqual([])
  })

  it.each([
    ['Allow', 2],
    ['Forbid', 1],
    ['Replace', 1],
  ])('with %s has %i Jobs when the next time comes before the first has ended', async (concurrencyPolicy, count) => {
    await start({ concurrencyPolicy })
    await later(5 * minutes + 200)
    const [first] = await names()
    await later(5 * minutes)
    expect(await names()).toHaveLength(count)
    expect((await names()).includes(first ?? '')).toBe(concurrencyPolicy !== 'Replace')
  })

  it('says why it starts none with Forbid, and does not count a Job that a person made', async () => {
    await start({ concurrencyPolicy: 'Forbid' })
    const { uid } = (await story.client.get(cronJobs, ref)).metadata
    const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'CronJob', name: 'backup', uid, controller: true }]
    await story.client.create(jobs, { metadata: { namespace: 'shop', name: 'now', ownerReferences } })
    await later(5 * minutes + 200)
    expect(await names()).toHaveLength(2)
    await later(5 * minutes)
    expect(await names()).toHaveLength(2)
    expect(await story.events()).toEqual(
      expect.arrayContaining([
        'CronJob Normal JobAlreadyActive Not starting job because prior execution is running and concurrency policy is Forbid',
        expect.stringContaining('CronJob Warning UnexpectedJob Saw a job that the controller did not create or forgot: now'),
      ]),
    )
  })

  it('keeps as many ended Jobs as its limits say', async () => {
    await start({ successfulJobsHistoryLimit: 2, failedJobsHistoryLimit: 1 })
    for (const outcome of ['Complete', 'Failed', 'Complete', 'Failed', 'Complete'] as const) {
      await later(5 * minutes)
      await end(outcome)
    }
    const kept = (await all()).map(({ status: { conditions } }) => conditions?.[0]?.type)
    expect(kept.toSorted()).toEqual(['Complete', 'Complete', 'Failed'])
  })

  it('rests while it is suspended and makes up for the latest missed time only', async () => {
    await start({ suspend: true })
    await later(17 * minutes)
    expect(await names()).toEqual([])
    await story.client.patch(cronJobs, ref, { spec: { suspend: false } }, { type: 'merge' })
    await story.quiet()
    expect(await names()).toEqual([`backup-${Date.UTC(2026, 0, 1, 0, 15) / minutes}`])
  })

  it('leaves out a time that is missed by more than its deadline', async () => {
    await start({ suspend: true, startingDeadlineSeconds: 60 })
    await later(7 * minutes)
    await story.client.patch(cronJobs, ref, { spec: { suspend: false } }, { type: 'merge' })
    await story.quiet()
    expect(await names()).toEqual([])
  })

  it('warns of a hundred missed times, and goes on', async () => {
    await start({ suspend: true })
    await later(600 * minutes)
    await story.client.patch(cronJobs, ref, { spec: { suspend: false } }, { type: 'merge' })
    await story.quiet()
    expect(await names()).toHaveLength(1)
    expect((await story.events()).find((event) => event.includes('TooManyMissedTimes'))).toContain('too many missed start times: 101')
  })
})

describe('a schedule', () => {
  it.each([
    ['*/15 * * * *', undefined, '2026-01-01T00:15:00Z'],
    ['@daily', undefined, '2026-01-02T00:00:00Z'],
    ['@every 1h30m', undefined, '2026-01-01T01:30:00Z'],
    ['0 8 * * MON-FRI', 'Europe/Berlin', '2026-01-01T07:00:00Z'],
    // Day of month and day of week are alternatives: the 13th, or any Friday (the 2nd is one).
    ['0 0 13 * 5', undefined, '2026-01-02T00:00:00Z'],
    ['0 0 ? * *', undefined, '2026-01-02T00:00:00Z'],
  ])('%s (%s) is due next at %s', (text, zone, next) => {
    expect(stampOf(parseSchedule(text, zone).next(Date.UTC(2026, 0, 1)) ?? 0)).toBe(next)
  })

  it('does not count a time twice', () => {
    const schedule = parseSchedule('*/5 * * * *')
    const at = Date.UTC(2026, 0, 1, 0, 5)
    expect(schedule.missed({ afterMs: at - 1, untilMs: at, limit: 100 })).toEqual({ latestMs: at, count: 1 })
    expect(schedule.missed({ afterMs: at, untilMs: at + 1000, limit: 100 })).toBeUndefined()
  })
})
