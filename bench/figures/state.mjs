// Rollouts, StatefulSets and configuration: what a developer waits for between a change and its effect.
import { sleep } from '../lib/cluster.mjs'
import { open, request, watch } from '../lib/load.mjs'

const patienceMs = 120_000
const ns = '/api/v1/namespaces/default'
const apps = '/apis/apps/v1/namespaces/default'

const workload = (kind, name, replicas, extra = {}) => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'a',
            image: 'bench:dev',
            env: [{ name: 'ROUND', value: '0' }],
            readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 },
            ...extra.container,
          },
        ],
        ...extra.pod,
      },
    },
    ...extra.spec,
  },
})

/** Milliseconds from `change` until `isDone` holds for an object of `path`, seen by a watch. */
async function timeUntil(access, path, change, isDone) {
  let done
  const stop = await watch(access, path, (line) => {
    if (done === undefined && isDone(JSON.parse(line).object)) done = performance.now()
  })
  const began = performance.now()
  await change()
  while (done === undefined && performance.now() - began < patienceMs) await sleep(1)
  stop()
  return (done ?? Infinity) - began
}

const isRolledOut = (replicas) => (object) => {
  const { spec, status, metadata } = object
  const isCurrent = status.observedGeneration === metadata.generation && spec.template.spec.containers[0].env[0].value === '1'
  return isCurrent && status.updatedReplicas === replicas && status.availableReplicas === replicas && status.replicas === replicas
}

async function rollout(bench, { what, replicas, runtime }) {
  bench.up('--runtime', runtime)
  await sleep(1000)
  const access = bench.access()
  const { ask, close } = await open(access)
  const path = `${apps}/deployments`
  const isReady = ({ status }) => status.availableReplicas === replicas
  await timeUntil(access, `${path}?watch=1`, () => ask(request('POST', path, workload('Deployment', 'web', replicas))), isReady)
  const patch = { spec: { template: { spec: { containers: [{ name: 'a', env: [{ name: 'ROUND', value: '1' }] }] } } } }
  const change = () => ask(request('PATCH', `${path}/web`, patch, 'application/strategic-merge-patch+json'))
  const value = await timeUntil(access, `${path}?watch=1`, change, isRolledOut(replicas))
  close()
  bench.delete()
  return { what, value: value / 1000, unit: 's' }
}

async function state(bench) {
  bench.up()
  await sleep(1000)
  const access = bench.access()
  const { ask, close } = await open(access)
  const claim = {
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'standard', resources: { requests: { storage: '1Gi' } } },
  }
  const set = workload('StatefulSet', 'db', 3, {
    container: { volumeMounts: [{ name: 'data', mountPath: '/data' }] },
    spec: { serviceName: 'db', volumeClaimTemplates: [claim] },
  })
  const path = `${apps}/statefulsets`
  const ready = await timeUntil(
    access,
    `${path}?watch=1`,
    () => ask(request('POST', path, set)),
    ({ status }) => status.readyReplicas === 3,
  )
  const file = await configToFile(access, ask, bench)
  close()
  bench.delete()
  return [
    { what: 'StatefulSet of 3 with claims, created to ready', value: ready / 1000, unit: 's' },
    { what: 'ConfigMap changed to its file showing it', value: file, unit: 'ms' },
  ]
}

/** A container prints the file whenever it changes; its log tells when. */
async function configToFile(access, ask, bench) {
  const maps = `${ns}/configmaps`
  await ask(request('POST', maps, { metadata: { name: 'conf' }, data: { key: 'old' } }))
  const script = 'last=; while true; do now=$(cat /conf/key); [ "$now" = "$last" ] || echo "$now"; last=$now; sleep 0.01; done'
  const pod = {
    metadata: { name: 'reader' },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'a', image: 'bench:dev', command: ['sh', '-c', script], volumeMounts: [{ name: 'conf', mountPath: '/conf' }] }],
      volumes: [{ name: 'conf', configMap: { name: 'conf' } }],
    },
  }
  const isRunning = ({ status }) => status.phase === 'Running'
  const byName = `${ns}/pods?watch=1&fieldSelector=metadata.name%3Dreader`
  await timeUntil(access, byName, () => ask(request('POST', `${ns}/pods`, pod)), isRunning)
  const began = performance.now()
  await ask(request('PATCH', `${maps}/conf`, { data: { key: 'new' } }, 'application/merge-patch+json'))
  while (!bench.kubectl('logs', 'reader').includes('new') && performance.now() - began < patienceMs) await sleep(5)
  return performance.now() - began
}

export const figure = {
  name: 'state',
  async run(bench) {
    bench.buildImage()
    return [
      await rollout(bench, { what: 'rollout of 50 replicas, processes', replicas: 50, runtime: 'process' }),
      await rollout(bench, { what: 'rollout of 50 replicas, simulated', replicas: 50, runtime: 'simulated' }),
      ...(await state(bench)),
    ]
  },
}
