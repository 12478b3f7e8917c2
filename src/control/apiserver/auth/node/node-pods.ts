import type { Pod } from '../../../../base/api/generated/types.ts'
import { pods } from '../../../../base/api/kinds.ts'
import type { Reader } from '../../context.ts'

/** The Pods of each node. A write only leaves its key behind; Pods are read when somebody asks. */
export class NodePods {
  readonly #reader: Reader
  readonly #byNode = new Map<string, Map<string, Pod>>()
  readonly #nodeOf = new Map<string, string>()
  #changed: Set<string> | undefined

  constructor(reader: Reader) {
    this.#reader = reader
  }

  /** `key`: namespace and name. */
  changed(key: string): void {
    // Before the first question all are read anyway.
    this.#changed?.add(key)
  }

  of(node: string): Iterable<Pod> {
    if (!this.#changed) for (const pod of this.#reader.list(pods)) this.#place(`${pod.metadata.namespace}/${pod.metadata.name}`, pod)
    for (const key of this.#changed ?? []) this.#place(key, this.#read(key))
    this.#changed = new Set()
    return this.#byNode.get(node)?.values() ?? []
  }

  #read(key: string): Pod | undefined {
    const [namespace, name = ''] = key.split('/')
    return this.#reader.get(pods, { namespace, name })
  }

  #place(key: string, pod: Pod | undefined): void {
    const before = this.#nodeOf.get(key)
    if (before !== undefined) {
      const there = this.#byNode.get(before)
      there?.delete(key)
      if (there?.size === 0) this.#byNode.delete(before)
      this.#nodeOf.delete(key)
    }
    const node = pod?.spec.nodeName
    if (!pod || !node) return
    this.#nodeOf.set(key, node)
    const there = this.#byNode.get(node)
    if (there) there.set(key, pod)
    else this.#byNode.set(node, new Map([[key, pod]]))
  }
}
