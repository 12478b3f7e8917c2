import type { Pod } from '../../base/api/generated/types.ts'
import type { Client } from '../../base/client/client.ts'
import { StatusError } from '../../base/machinery/status-error.ts'
import type { SimulatedContainerRuntime } from '../../node/runtime/simulated/simulated-runtime.ts'

export interface ContainerChoice {
  /** Default: the Pod's first container. */
  readonly container?: string
  /** Default `default`. */
  readonly namespace?: string
}

/** What can happen to simulated nodes and Pods. Each call resolves when its first consequences have come to rest. */
export interface Simulation {
  /** Cuts a node off from the API: it falls silent, turns NotReady after 40 s, and its Pods are evicted when their tolerations end. */
  failNode(name: string): Promise<void>
  /** Joins it again. */
  recoverNode(name: string): Promise<void>
  /** Ends a container of a Pod, as its process would: 0 is success, 137 with `OOMKilled` a memory kill. */
  exitContainer(pod: string, options: ContainerChoice & { readonly exitCode: number; readonly reason?: string }): Promise<void>
  /** From now on the probes of this container fail with `message`; a container that is restarted is healthy. */
  failProbes(pod: string, options?: ContainerChoice & { readonly message?: string }): Promise<void>
  recoverProbes(pod: string, options?: ContainerChoice): Promise<void>
}

/** The nodes that the API cannot hear. */
export class Partitions {
  readonly #names = new Set<string>()

  set(node: string, isCut: boolean): void {
    if (isCut) this.#names.add(node)
    else this.#names.delete(node)
  }

  /** A node's client, which reaches the API only while the node is not cut off. */
  guard(node: string, client: Client): Client {
    const check = <A extends unknown[], R>(verb: (...args: A) => Promise<R>) => {
      const act = verb.bind(client)
      return async (...args: A): Promise<R> => {
        if (this.#names.has(node)) throw new StatusError('ServiceUnavailable', `the API server cannot be reached: node ${node} is cut off`)
        return act(...args)
      }
    }
    return {
      watch: (kind, options) => client.watch(kind, options),
      get: check(client.get) as Client['get'],
      list: check(client.list) as Client['list'],
      create: check(client.create) as Client['create'],
      update: check(client.update) as Client['update'],
      patch: check(client.patch) as Client['patch'],
      delete: check(client.delete) as Client['delete'],
      deleteCollection: check(client.deleteCollection) as Client['deleteCollection'],
      createSubresource: check(client.createSubresource) as Client['createSubresource'],
    }
  }
}

export interface SimulationOptions {
  readonly runtime: SimulatedContainerRuntime
  readonly partitions: Partitions
  readonly nodes: readonly string[]
  readonly findPod: (name: string, namespace: string) => Promise<Pod>
  readonly settle: () => Promise<void>
}

export function createSimulation({ runtime, partitions, nodes, findPod, settle }: SimulationOptions): Simulation {
  const cut = async (name: string, isCut: boolean) => {
    if (!nodes.includes(name)) throw new RangeError(`there is no simulated node ${name}: there are ${nodes.join(', ')}`)
    partitions.set(name, isCut)
    await settle()
  }
  const running = async (podName: string, { container, namespace = 'default' }: ContainerChoice): Promise<string> => {
    const pod = await findPod(podName.replace(/^(po|pods?)\//, ''), namespace)
    const statuses = pod.status?.containerStatuses ?? []
    const status = container === undefined ? statuses[0] : statuses.find(({ name }) => name === container)
    const id = status?.containerID?.replace(/^[^:]*:\/\//, '')
    if (!id || !status?.state?.running) throw new Error(`${namespace}/${pod.metadata.name} has no running container${container ? ` ${container}` : ''}`)
    return id
  }
  const setProbes = async (pod: string, choice: ContainerChoice, message: string | undefined) => {
    runtime.failProbes(await running(pod, choice), message)
    await settle()
  }
  return {
    failNode: (name) => cut(name, true),
    recoverNode: (name) => cut(name, false),
    async exitContainer(pod, { exitCode, reason, ...choice }) {
      runtime.exit(await running(pod, choice), { exitCode, ...(reason === undefined ? {} : { reason }) })
      await settle()
    },
    failProbes: (pod, { message = 'HTTP probe failed with statuscode: 503', ...choice } = {}) => setProbes(pod, choice, message),
    recoverProbes: (pod, choice = {}) => setProbes(pod, choice, undefined),
  }
}
