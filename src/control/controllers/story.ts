import type { Pod } from '../../base/api/generated/types.ts'
import { events, pods } from '../../base/api/kinds.ts'
import { FakeClient } from '../../base/client/fake-client.ts'
import { createInformer } from '../../base/client/informer.ts'
import { stampOf } from '../../base/client/stamp.ts'
import { FakeClock } from '../../base/lib/clock.ts'
import { silentLog } from '../../base/lib/log.ts'
import { untilQuiet } from '../../base/reconcile/until-quiet.ts'
import type { Controller } from './controller.ts'
import { startControllers, type StartControllersOptions } from './index.ts'

/** A test's world: an API in memory, a clock that stands still, the controllers under test, and kubelets where wanted. */
export interface Story {
  readonly client: FakeClient
  readonly clock: FakeClock
  /** Lets everything run until nothing is written any more; answers the writes without those of Events. */
  quiet(): Promise<readonly string[]>
  /** Starts the controllers anew, as after a crash: with the state as wanted they must write nothing. */
  restart(): Promise<readonly string[]>
  /** From now on Pods become Running and Ready at once, and go when they are deleted, unless `hold` says so. */
  runPods(hold?: (pod: Pod) => boolean): void
  events(): Promise<readonly string[]>
  stop(): void
}

export const startStory = (controllers: readonly Controller[], options: Partial<StartControllersOptions> = {}): Story => {
  const clock = new FakeClock()
  const client = new FakeClient({ clock })
  const world = new AbortController()
  let abort = new AbortController()
  const start = () => {
    abort = new AbortController()
    void startControllers({
      clientFor: () => client,
      clock,
      log: silentLog,
      signal: abort.signal,
      rootCA: 'PEM',
      clusterCIDR: '10.42.0.0/16',
      loadBalancerRange: '10.44.0.0/29',
      controllers,
      ...options,
    })
  }
  start()
  const quiet = async () => (await untilQuiet(client, clock)).filter((write) => !/^\w+ events /.test(write))
  return {
    client,
    clock,
    quiet,
    async restart() {
      abort.abort()
      await clock.advance(0)
      start()
      return quiet()
    },
    runPods: (hold = () => false) => runPods({ client, clock, signal: world.signal, hold }),
    events: async () =>
      (await client.list(events)).items.map(
        ({ involvedObject, type, reason, message, count }) => `${involvedObject.kind} ${type} ${reason} ${message}${(count ?? 1) > 1 ? ` x${count}` : ''}`,
      ),
    stop() {
      abort.abort()
      world.abort()
    },
  }
}

interface Kubelets {
  readonly client: FakeClient
  readonly clock: FakeClock
  readonly signal: AbortSignal
  readonly hold: (pod: Pod) => boolean
}

const runPods = ({ client, clock, signal, hold }: Kubelets) => {
  const informer = createInformer(client, pods, { clock, signal, log: silentLog })
  let serial = 0
  informer.onChange(({ object }) => {
    if (!object || hold(object)) return
    if (object.metadata.deletionTimestamp !== undefined) void client.delete(pods, object.metadata, { gracePeriodSeconds: 0 }).catch(() => undefined)
    else if (object.status?.phase === undefined) void setReady(client, object, { isReady: true, podIP: `10.42.0.${++serial}`, nowMs: clock.now() })
  })
}

export const setReady = async (
  client: FakeClient,
  { metadata }: Pod,
  { isReady, podIP, nowMs }: { isReady: boolean; podIP?: string; nowMs: number },
): Promise<void> => {
  const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: stampOf(nowMs) }]
  await client.patch(
    pods,
    metadata,
    { status: { phase: 'Running', conditions, ...(podIP ? { podIP, podIPs: [{ ip: podIP }] } : {}) } },
    { type: 'merge', subresource: 'status' },
  )
}
