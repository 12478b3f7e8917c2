import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Binding, ProxyEndpoint } from './bindings.ts'
import { openLab, type Lab, type ProxyName } from './proxy-lab-cases.ts'

/** What a proxy does otherwise than upstream's, and why. */
export interface Exceptions {
  /** The source that an endpoint sees is a node's, not the client's: why. */
  readonly nodeAsSource?: string
  /** What a client hears where upstream leaves it without an answer: why. */
  readonly answersDropped?: string
}

/** Whose answers there were, without doubles. */
const names = (answers: readonly string[]): string => [...new Set(answers.map((answer) => answer.split(' ')[0]!))].sort().join(' ')
const sources = (answers: readonly string[]): string => [...new Set(answers.map((answer) => answer.split(' ')[1]!))].sort().join(' ')

/** What every service proxy does, with real traffic between network namespaces. */
export const serviceProxyCases = (name: ProxyName, exceptions: Exceptions = {}) =>
  describe(`the ${name} proxy`, () => {
    let lab: Lab
    let count = 20
    beforeAll(async () => {
      lab = await openLab(name)
    }, 60_000)
    afterAll(() => lab.close())

    const bind = (endpoints: readonly ProxyEndpoint[], options: Partial<Binding> = {}): Binding => ({
      address: lab.service(++count),
      port: 80,
      protocol: 'TCP',
      servicePort: `lab/s${count}:http`,
      endpoints,
      whenEmpty: 'refuse',
      affinitySeconds: 0,
      ...options,
    })
    const endpoints = (...pods: ('a' | 'b' | 'c' | 'client')[]) => pods.map((pod) => lab.pods[pod].endpoint)
    const dropped = (instead: string) => [exceptions.answersDropped ? instead : 'silence']

    it('spreads connections of Pods, of the host and of the namespace itself over the endpoints', async () => {
      const web = bind(endpoints('a', 'b', 'c'))
      await lab.apply({ 'lab/web': [web] })
      for (const from of [lab.pods.client, lab.host, lab.inside]) expect(names(await from.ask({ ...web, times: 24 }))).toBe('a b c')
    })

    it("shows the endpoints their client's own address", async () => {
      const web = bind(endpoints('a', 'c'))
      await lab.apply({ 'lab/source': [web] })
      expect(sources(await lab.pods.client.ask({ ...web, times: 8 }))).toBe(exceptions.nodeAsSource ? lab.nodeSources : lab.pods.client.ip)
      expect(sources(await lab.host.ask({ ...web, times: 8 }))).toBe(exceptions.nodeAsSource ? lab.nodeSources : lab.hostIP)
    })

    it('lets a Pod reach itself by its Service', async () => {
      const web = bind(endpoints('a'))
      const udp = bind(endpoints('a'), { protocol: 'UDP' })
      await lab.apply({ 'lab/hairpin': [web, udp] })
      for (const binding of [web, udp]) expect(names(await lab.pods.a.ask({ ...binding, times: 3 }))).toBe('a')
    })

    it('refuses at once where there is no endpoint, and answers as soon as there is one', async () => {
      const [web, udp] = [bind([]), bind([], { protocol: 'UDP' })]
      await lab.apply({ 'lab/none': [web, udp] })
      for (const from of [lab.pods.client, lab.host]) for (const binding of [web, udp]) expect(await from.ask(binding)).toEqual(['refused'])
      await lab.apply({
        'lab/none': [
          { ...web, endpoints: endpoints('b') },
          { ...udp, endpoints: endpoints('b') },
        ],
      })
      for (const binding of [web, udp]) expect(names(await lab.pods.client.ask(binding))).toBe('b')
    })

    it('answers on node ports from the host, from Pods and from the node itself', async () => {
      const ports = lab.nodes.map(({ ip }) => bind(endpoints('a', 'c'), { address: ip, port: 30080, servicePort: 'lab/nodeport:http' }))
      await lab.apply({ 'lab/nodeport': ports })
      for (const from of [lab.host, lab.pods.client, lab.inside]) for (const port of ports) expect(names(await from.ask({ ...port, times: 16 }))).toBe('a c')
    })

    it("under externalTrafficPolicy Local serves a node's own endpoints, and no one where it has none", async () => {
      const [one, two] = lab.nodes
      await lab.apply({
        'lab/local': [
          bind(endpoints('a', 'b'), { address: one!.ip, port: 30081, onNode: 'n1', servicePort: 'lab/local:http' }),
          bind([], { address: two!.ip, port: 30081, onNode: 'n2', servicePort: 'lab/local:http', whenEmpty: 'drop' }),
        ],
      })
      expect(names(await lab.host.ask({ address: one!.ip, port: 30081, times: 16 }))).toBe('a b')
      expect(await lab.host.ask({ address: two!.ip, port: 30081 })).toEqual(dropped('refused'))
    })

    it("under internalTrafficPolicy Local keeps a Pod's connections on its node", async () => {
      const web = bind(endpoints('a', 'b', 'c'), { byClientNode: { n1: endpoints('a', 'b'), n2: endpoints('c') } })
      const empty = bind(endpoints('a'), { byClientNode: { n1: endpoints('a'), n2: [] } })
      await lab.apply({ 'lab/internal': [web], 'lab/internal-empty': [empty] })
      expect(names(await lab.pods.client.ask({ ...web, times: 8 }))).toBe('c')
      expect(names(await lab.pods.a.ask({ ...web, times: 16 }))).toBe('a b')
      expect(await lab.pods.client.ask(empty)).toEqual(dropped('reset'))
    })

    it('keeps a client with its endpoint under sessionAffinity, while that endpoint is there', async () => {
      const web = bind(endpoints('a', 'b', 'c'), { affinitySeconds: 60 })
      await lab.apply({ 'lab/affinity': [web] })
      const first = names(await lab.pods.client.ask({ ...web, times: 8 }))
      expect(first).toMatch(/^[abc]$/)
      await lab.apply({ 'lab/affinity': [{ ...web, endpoints: web.endpoints.filter(({ ip }) => ip !== lab.pods[first as 'a'].ip) }] })
      const second = names(await lab.pods.client.ask({ ...web, times: 8 }))
      expect(second).toMatch(/^[abc]$/)
      expect(second).not.toBe(first)
    })

    it('lets open connections go on when their endpoint drains, and sends new ones elsewhere', async () => {
      const web = bind(endpoints('a'))
      await lab.apply({ 'lab/drain': [web] })
      const open = await lab.pods.client.talk(web)
      expect(names([await open.say()])).toBe('a')
      await lab.apply({ 'lab/drain': [{ ...web, endpoints: endpoints('c') }] })
      expect(names([await open.say()])).toBe('a')
      expect(names(await lab.pods.client.ask({ ...web, times: 4 }))).toBe('c')
      await open.close()
    })

    it('moves a datagram flow when its endpoint goes, and leaves it when another comes', async () => {
      const udp = bind(endpoints('a'), { protocol: 'UDP' })
      await lab.apply({ 'lab/udp': [udp] })
      const flow = await lab.pods.client.talk(udp)
      expect(names([await flow.say()])).toBe('a')
      await lab.apply({ 'lab/udp': [{ ...udp, endpoints: endpoints('a', 'b') }] })
      expect(names([await flow.say(), await flow.say()])).toBe('a')
      await lab.apply({ 'lab/udp': [{ ...udp, endpoints: endpoints('b') }] })
      expect(names([await flow.say()])).toBe('b')
      await lab.apply({ 'lab/udp': [{ ...udp, endpoints: [] }] })
      expect(await flow.say()).toBe('silence')
      await lab.apply({ 'lab/udp': [{ ...udp, endpoints: endpoints('c') }] })
      expect(names([await flow.say()])).toBe('c')
      await flow.close()
    })

    it('lets in only whom loadBalancerSourceRanges name', async () => {
      const web = bind(endpoints('a'), { address: lab.balancer(7), sourceRanges: [`${lab.pods.client.ip}/32`] })
      await lab.apply({ 'lab/ranges': [web] })
      expect(names(await lab.pods.client.ask(web))).toBe('a')
      expect(await lab.pods.b.ask(web)).toEqual(dropped('reset'))
    })

    it('gives an address to the next claimant when the first Service goes', async () => {
      const [first, second] = [bind(endpoints('a')), bind(endpoints('b'))]
      await lab.apply({ 'lab/first': [first] })
      await lab.apply({ 'lab/second': [{ ...second, address: first.address }] })
      expect(names(await lab.pods.client.ask(first))).toBe('a')
      await lab.apply({ 'lab/first': [] })
      expect(names(await lab.pods.client.ask(first))).toBe('b')
    })
  })
