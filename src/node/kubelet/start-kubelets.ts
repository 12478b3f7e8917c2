import { mkdir, readFile } from 'node:fs/promises'
import { pods } from '../../base/api/kinds.ts'
import type { Pod } from '../../base/api/generated/types.ts'
import type { Client } from '../../base/client/client.ts'
import { createEventRecorder } from '../../base/client/events.ts'
import type { Informer } from '../../base/client/informer-contract.ts'
import { createInformer } from '../../base/client/informer.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import type { ImageStore } from '../images/image-store.ts'
import type { ContainerRuntime } from '../runtime/runtime.ts'
import { KeyedBackoff } from '../../base/lib/backoff.ts'
import { Kubelet } from './kubelet.ts'
import type { NodeConfig } from './node-config.ts'
import type { NodeContext } from './node-context.ts'
import { resourcesOf } from './node-object.ts'
import { registerNode } from './node-registration.ts'
import { parseResolvConf } from './pod-files.ts'
import type { PodWorker } from './pod-worker.ts'
import { ServiceAccountTokens } from './service-account-tokens.ts'
import { SharedReferences } from './shared-references.ts'

export interface StartKubeletsOptions {
  readonly nodes: readonly NodeConfig[]
  /** The identity `system:node:NAME`. */
  readonly clientFor: (nodeName: string) => Client
  /** For the watches that all nodes share: Pods, Services and, once asked for, ConfigMaps and Secrets. */
  readonly sharedClient: Client
  readonly runtimeFor: (nodeName: string) => ContainerRuntime
  readonly images: ImageStore
  /** Holds `pods/` (volumes, managed files) and `logs/`. */
  readonly directory: string
  readonly clusterDNS: string
  readonly clusterDomain: string
  /** The machine's resolver, for `dnsPolicy: Default`; `/etc/resolv.conf` unless told. */
  readonly resolvConfPath?: string
  readonly clock: Clock
  readonly log: Log
  /** Ends the loops. Containers go on running, for the next agent to adopt. */
  readonly signal: AbortSignal
}

export interface Kubelets {
  readonly kubelets: readonly Kubelet[]
  /** By namespace and name, on whichever node it is. */
  findPod(namespace: string, name: string): { readonly worker: PodWorker; readonly kubelet: Kubelet } | undefined
  pods(): readonly Pod[]
  /** Resolves when every loop has ended; call it after the abort. */
  close(): Promise<void>
}

/** Registers the nodes and runs their Pods. Resolves when every node is registered and Ready and its running containers are adopted. */
export const startKubelets = async (options: StartKubeletsOptions): Promise<Kubelets> => {
  const { clock, log, signal } = options
  await mkdir(options.directory, { recursive: true, mode: 0o755 })
  const kubelets: Kubelet[] = []
  const shared = new SharedReferences({
    client: options.sharedClient,
    clock,
    log,
    signal,
    onChange: (kind, key) => {
      const [namespace = '', name = ''] = key.split('/')
      for (const kubelet of kubelets) kubelet.refresh(kind, namespace, name)
    },
  })
  const hostResolver = parseResolvConf(await readFile(options.resolvConfPath ?? '/etc/resolv.conf', 'utf8').catch(() => ''))
  for (const config of options.nodes) kubelets.push(new Kubelet(contextOf(options, config, shared, hostResolver)))
  const informer = createInformer(options.sharedClient, pods, { clock, log, signal })
  await Promise.all([informer.synced, ...kubelets.map((kubelet) => registerNode(kubelet.context))])
  await Promise.all(kubelets.map((kubelet) => kubelet.start(informer.list().filter((pod) => pod.spec.nodeName === kubelet.context.config.name))))
  follow(informer, kubelets)
  return {
    kubelets,
    findPod: (namespace, name) =>
      kubelets.flatMap((kubelet) => (kubelet.find(namespace, name) ? [{ kubelet, worker: kubelet.find(namespace, name) as PodWorker }] : []))[0],
    pods: () => kubelets.flatMap((kubelet) => kubelet.pods()),
    close: async () => void (await Promise.allSettled(kubelets.map((kubelet) => kubelet.close()))),
  }
}

const contextOf = (options: StartKubeletsOptions, config: NodeConfig, shared: SharedReferences, hostResolver: NodeContext['hostResolver']): NodeContext => {
  const { clock, log, signal } = options
  const client = options.clientFor(config.name)
  return {
    config,
    client,
    clock,
    signal,
    shared,
    hostResolver,
    log: log.child({ node: config.name }),
    runtime: options.runtimeFor(config.name),
    images: options.images,
    recorder: createEventRecorder({ client, clock, log, component: 'kubelet', host: config.name }),
    references: shared.forNode(client),
    tokens: new ServiceAccountTokens({ clock }),
    restartBackoff: new KeyedBackoff({ initialMs: 10_000, maxMs: 300_000 }),
    imageBackoff: new KeyedBackoff({ initialMs: 10_000, maxMs: 300_000 }),
    allocatable: resourcesOf(config.capacity),
    directory: options.directory,
    clusterDNS: options.clusterDNS,
    clusterDomain: options.clusterDomain,
  }
}

const follow = (informer: Informer<Pod>, kubelets: readonly Kubelet[]): void => {
  const byNode = new Map(kubelets.map((kubelet) => [kubelet.context.config.name, kubelet]))
  informer.onChange(({ old, object }) => {
    if (old && old.metadata.uid !== object?.metadata.uid) byNode.get(old.spec.nodeName ?? '')?.lose(old.metadata.uid)
    if (object) byNode.get(object.spec.nodeName ?? '')?.see(object)
  })
}
