import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../ip-command.ts'
import type { Binding } from './bindings.ts'
import { canUseNft } from './nft-proxy.ts'
import { canMakeNamespaces, openLab, type Lab } from './proxy-lab-cases.ts'
import { serviceProxyCases } from './service-proxy-cases.ts'

const hasNft = canMakeNamespaces && (await canUseNft(['unshare', '--net']))

if (canMakeNamespaces)
  serviceProxyCases('userspace', {
    nodeAsSource: "the socket to the endpoint is the proxy's own",
    answersDropped: 'an address that must not answer is not bound, so the kernel refuses; a client that must not be let in is accepted first and then reset',
  })
if (hasNft) serviceProxyCases('nftables')

describe.skipIf(!hasNft)('the rules of nftables (needs root and nft)', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await openLab('nftables', `rules-${process.pid}`)
  }, 60_000)
  afterAll(() => lab.close())

  const list = () => runCommand([...lab.enter, 'nft', 'list', 'table', 'ip', 'knarr_services'])
  const bind = (n: number, options: Partial<Binding> = {}): Binding => ({
    address: lab.service(n),
    port: 80,
    protocol: 'TCP',
    servicePort: `lab/s${n}:http`,
    endpoints: [lab.pods.a.endpoint, lab.pods.c.endpoint],
    whenEmpty: 'refuse',
    affinitySeconds: 0,
    ...options,
  })

  it('outlive their proxy; the next one takes out what is gone, puts in what is new and leaves the rest', async () => {
    const stays = bind(30, { affinitySeconds: 60 })
    await lab.apply({ 'lab/stays': [stays], 'lab/goes': [bind(31)], 'lab/udp': [bind(32, { protocol: 'UDP' })] })
    const open = await lab.pods.client.talk(stays)
    const first = await open.say()
    await lab.killProxy()
    expect((await lab.pods.client.ask(stays))[0]).toBe(first)
    await lab.apply({ 'lab/stays': [stays], 'lab/udp': [bind(32, { protocol: 'UDP' })], 'lab/comes': [bind(33)] })
    expect(await open.say()).toBe(first)
    expect((await lab.pods.client.ask(stays))[0]).toBe(first)
    expect((await lab.pods.client.ask(bind(33)))[0]).toMatch(/^[ac] /)
    expect(await lab.pods.client.ask(bind(31))).toEqual(['refused'])
    const text = await list()
    expect(text).not.toContain('lab/s31')
    const afterRestart = text
    await lab.killProxy()
    await lab.apply({ 'lab/stays': [stays], 'lab/udp': [bind(32, { protocol: 'UDP' })], 'lab/comes': [bind(33)] })
    expect((await list()).replaceAll(/expires \S+/g, '')).toBe(afterRestart.replaceAll(/expires \S+/g, ''))
    await open.close()
  })

  it('come back after somebody took them out', async () => {
    await lab.apply({ 'lab/web': [bind(34)] })
    await runCommand([...lab.enter, 'nft', 'flush', 'ruleset'])
    await lab.apply({ 'lab/other': [bind(35)] })
    for (const n of [34, 35]) expect((await lab.pods.client.ask(bind(n)))[0]).toMatch(/^[ac] /)
  })

  it('of one Service that nft does not take hold up no other', async () => {
    await lab.apply({ 'lab/bad': [bind(36, { address: 'not an address' })], 'lab/good': [bind(37)] })
    expect((await lab.pods.client.ask(bind(37)))[0]).toMatch(/^[ac] /)
    await lab.killProxy()
    await lab.apply({ 'lab/bad': [bind(36, { address: 'not an address' })], 'lab/good': [bind(37)], 'lab/new': [bind(38)] })
    for (const n of [37, 38]) expect((await lab.pods.client.ask(bind(n)))[0]).toMatch(/^[ac] /)
    await lab.apply({ 'lab/bad': [bind(36)] })
    expect((await lab.pods.client.ask(bind(36)))[0]).toMatch(/^[ac] /)
  })

  it('hold nothing of any Service when all are gone', async () => {
    const keys = ['lab/stays', 'lab/udp', 'lab/comes', 'lab/web', 'lab/other', 'lab/bad', 'lab/good', 'lab/new']
    await lab.apply(Object.fromEntries(keys.map((key) => [key, []])))
    const text = await list()
    expect(text).not.toMatch(/lab\/|elements/)
  })
})
