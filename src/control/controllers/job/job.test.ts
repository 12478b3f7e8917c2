import { afterEach, describe, expect, it } from 'vitest'
import type { Pod } from '../../../base/api/generated/types.ts'
import { jobs, pods } from '../../../base/api/kinds.ts'
import { stampOf } from '../../../base/client/stamp.ts'
import { startStory, type Story } from '../story.ts'
import { ttlAfterFinishedController } from '../ttl-after-finished/ttl-after-finished.ts'
import { formatIndexes, parseIndexes } from './indexes.ts'
import { jobController } from './job.ts'
import { trackingFinalizer } from './observe.ts'

const ref = { namespace: 'shop', name: 'load' }
const job = (spec: object) => ({
  metadata: ref,
  spec: {
    selector: { matchLabels: { job: 'load' } },
    template: { metadata: { labels: { job: 'load' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', resources: {} }] } },
    parallelism: 1,
    completions: 1,
    backoffLimit: 6,
    ...spec,
  },
})

describe('a Job', () => {
  let story: Story
  afterEach(() => story.stop())
  const start = async (spec: object) => {
    story = startStory([jobController, ttlAfterFinishedController])
    await story.client.create(jobs, job(spec))
    await story.quiet()
  }
  const all = async () => (await story.client.list(pods)).items
  const active = async () => (await all()).filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed')
  const status = async () => (await story.client.get(jobs, ref)).status
  const conditions = async () => ((await status()).conditions ?? []).filter((one) => one.status === 'True').map(({ type, reason }) => `${type} ${reason}`)
  const set = (pod: Pod, status: object) => story.client.patch(pods, pod.metadata, { status }, { type: 'merge', subresource: 'status' })
  /** Ends a Pod as its kubelet would. */
  const end = async (pod: Pod | undefined, exitCode: number) => {
    const finishedAt = stampOf(story.clock.now())
    const phase = exitCode === 0 ? 'Succeeded' : 'Failed'
    await set(pod as Pod, { phase, containerStatuses: [{ name: 'c', restartCount: 0, state: { terminated: { exitCode, finishedAt } } }] })
    await story.quiet()
  }
  const endAll = async (exitCode: number) => {
    for (const pod of await active()) await end(pod, exitCode)
  }
  const later = async (seconds: number) => {
    await story.clock.advance(seconds * 1000)
    await story.quiet()
  }

  it('runs as many Pods at a time as parallelism says, until as many have succeeded as completions say', async () => {
    await start({ completions: 5, parallelism: 2 })
    expect(await active()).toHaveLength(2)
    await endAll(0)
    await endAll(0)
    expect(await active()).toHaveLength(1)
    expect(await status()).toMatchObject({ active: 1, succeeded: 4 })
    await endAll(0)
    expect(await status()).toMatchObject({ succeeded: 5, completionTime: expect.any(String), uncountedTerminatedPods: {} })
    expect(await conditions()).toEqual(['SuccessCriteriaMet CompletionsReached', 'Complete CompletionsReached'])
    expect(await story.events()).toContain('Job Normal Completed Job completed')
    expect((await all()).flatMap((pod) => pod.metadata.finalizers ?? [])).toEqual([])
    expect(await story.restart()).toEqual([])
  })

  it('counts a Pod that was deleted the moment it ended', async () => {
    await start({})
    const [pod] = await active()
    expect(pod?.metadata.finalizers).toEqual([trackingFinalizer])
    await set(pod as Pod, { phase: 'Succeeded' })
    await story.client.delete(pods, (pod as Pod).metadata, { gracePeriodSeconds: 0 })
    await story.quiet()
    expect(await all()).toEqual([])
    expect(await status()).toMatchObject({ succeeded: 1 })
  })

  it('tries again after a failure, later each time, and gives up beyond its limit', async () => {
    await start({ backoffLimit: 2 })
    await endAll(1)
    expect(await active()).toHaveLength(0)
    await later(11)
    expect(await active()).toHaveLength(1)
    await endAll(1)
    await later(11)
    expect(await active()).toHaveLength(0)
    await later(10)
    await endAll(1)
    expect(await status()).toMatchObject({ failed: 3 })
    expect(await conditions()).toEqual(['FailureTarget BackoffLimitExceeded', 'Failed BackoffLimitExceeded'])
    expect(await story.events()).toContain('Job Warning BackoffLimitExceeded Job has reached the specified backoff limit')
  })

  it('ends at its deadline and takes its Pods along', async () => {
    await start({ activeDeadlineSeconds: 30, parallelism: 2, completions: 2 })
    await later(31)
    expect(await active()).toHaveLength(0)
    expect(await conditions()).toEqual(['FailureTarget DeadlineExceeded', 'Failed DeadlineExceeded'])
  })

  it('counts restarts where Pods restart themselves', async () => {
    const template = { metadata: { labels: { job: 'load' } }, spec: { restartPolicy: 'OnFailure', containers: [{ name: 'c', resources: {} }] } }
    await start({ backoffLimit: 2, template })
    await set((await active())[0] as Pod, { phase: 'Running', containerStatuses: [{ name: 'c', restartCount: 2 }] })
    await story.quiet()
    expect(await conditions()).toContain('Failed BackoffLimitExceeded')
  })

  it('stops while it is suspended and starts anew when it is resumed', async () => {
    await start({ parallelism: 2, completions: 2 })
    await story.client.patch(jobs, ref, { spec: { suspend: true } }, { type: 'merge' })
    await story.quiet()
    expect(await active()).toHaveLength(0)
    expect(await conditions()).toEqual(['Suspended JobSuspended'])
    expect((await status()).startTime).toBeUndefined()
    await story.client.patch(jobs, ref, { spec: { suspend: false } }, { type: 'merge' })
    await later(30)
    expect(await active()).toHaveLength(2)
    expect(await story.events()).toEqual(expect.arrayContaining(['Job Normal Suspended Job suspended', 'Job Normal Resumed Job resumed']))
  })

  it('works through indexes, each by a Pod that knows its own', async () => {
    await start({ completionMode: 'Indexed', completions: 3, parallelism: 2 })
    const [first] = await active()
    expect(first?.metadata.annotations).toEqual({ 'batch.kubernetes.io/job-completion-index': '0' })
    expect(first?.spec.hostname).toBe('load-0')
    expect(first?.spec.containers[0]?.env?.[0]?.name).toBe('JOB_COMPLETION_INDEX')
    await end((await active())[1], 0)
    expect((await status()).completedIndexes).toBe('1')
    await endAll(0)
    expect(await status()).toMatchObject({ completedIndexes: '0-2', succeeded: 3 })
    expect(await conditions()).toContain('Complete CompletionsReached')
  })

  it('fails an index alone where each has a limit of its own, and goes on with the others', async () => {
    await start({ completionMode: 'Indexed', completions: 2, parallelism: 2, backoffLimitPerIndex: 0, backoffLimit: 1000 })
    const [zero, one] = await active()
    await end(zero, 1)
    await end(one, 0)
    expect(await status()).toMatchObject({ failedIndexes: '0', completedIndexes: '1' })
    expect(await conditions()).toEqual(['FailureTarget FailedIndexes', 'Failed FailedIndexes'])
  })

  it('ends with the first failure that its policy calls fatal, and does not count one to be ignored', async () => {
    const podFailurePolicy = {
      rules: [
        { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } },
        { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      ],
    }
    await start({ podFailurePolicy, podReplacementPolicy: 'Failed', parallelism: 1 })
    await set((await active())[0] as Pod, { phase: 'Failed', conditions: [{ type: 'DisruptionTarget', status: 'True' }] })
    await story.quiet()
    await later(11)
    expect((await status()).failed).toBeUndefined()
    const [pod] = await active()
    await end(pod, 42)
    expect((await status()).conditions?.find(({ type }) => type === 'Failed')).toMatchObject({
      reason: 'PodFailurePolicy',
      message: `Container c for pod shop/${pod?.metadata.name} failed with exit code 42 matching FailJob rule at index 0`,
    })
  })

  it('succeeds early by its success policy', async () => {
    await start({ completionMode: 'Indexed', completions: 3, parallelism: 3, successPolicy: { rules: [{ succeededIndexes: '0' }] } })
    await end((await active())[0], 0)
    expect(await active()).toHaveLength(0)
    expect(await conditions()).toEqual(['SuccessCriteriaMet SuccessPolicy', 'Complete SuccessPolicy'])
  })

  it('is deleted some time after its end', async () => {
    await start({ ttlSecondsAfterFinished: 60 })
    await endAll(0)
    await later(30)
    expect((await story.client.list(jobs)).items).toHaveLength(1)
    await later(31)
    expect((await story.client.list(jobs)).items.filter(({ metadata }) => !metadata.deletionTimestamp)).toHaveLength(0)
  })

  it('lets go of the Pods of a Job that is gone', async () => {
    await start({})
    await story.client.delete(jobs, ref)
    await story.quiet()
    expect((await all()).flatMap((pod) => pod.metadata.finalizers ?? [])).toEqual([])
  })
})

it.each([
  ['', []],
  ['0', [0]],
  ['0,1', [0, 1]],
  ['0-2,4,6,7', [0, 1, 2, 4, 6, 7]],
])('writes and reads indexes: %s', (text, indexes) => {
  expect(formatIndexes(indexes)).toBe(text)
  expect([...parseIndexes(text, 100)]).toEqual(indexes)
})
