import { describe, expect, it } from 'vitest'
import type { Ingress, IngressClass } from '../../base/api/generated/types.ts'
import { buildRoutes, matchCertificate, matchRoute, type Routes } from './routes.ts'

interface Given {
  readonly name?: string
  readonly namespace?: string
  readonly created?: string
  readonly className?: string | undefined
  readonly annotations?: Record<string, string>
  /** `host path type -> service:port`; `-` stands for no host. */
  readonly rules?: readonly string[]
  readonly defaultBackend?: string
  readonly tls?: Ingress['spec']['tls']
}

const backendOf = (text: string) => {
  const [name, port] = text.split(':')
  return { service: { name: name!, port: Number(port) ? { number: Number(port) } : { name: port! } } }
}

const ingress = (given: Given): Ingress =>
  ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name: given.name ?? 'web',
      namespace: given.namespace ?? 'default',
      uid: 'u',
      creationTimestamp: given.created ?? '2026-01-01T00:00:00Z',
      annotations: given.annotations,
    },
    spec: {
      ingressClassName: 'className' in given ? given.className : 'knarr',
      defaultBackend: given.defaultBackend ? backendOf(given.defaultBackend) : undefined,
      tls: given.tls,
      rules: given.rules?.map((rule) => {
        const [host, path, pathType, , backend] = rule.split(' ')
        return { host: host === '-' ? undefined : host, http: { paths: [{ path, pathType, backend: backendOf(backend!) }] } }
      }),
    },
    status: { loadBalancer: {} },
  }) as unknown as Ingress

const classes: Record<string, string> = { knarr: 'knarr.dev/ingress-controller', other: 'example.com/other' }
const classOf = (known: Record<string, string>) => (name: string) =>
  known[name] ? ({ metadata: { name }, spec: { controller: known[name] } } as unknown as IngressClass) : undefined

const routesOf = (givens: readonly Given[], known = classes): Routes => buildRoutes({ ingresses: givens.map(ingress), classOf: classOf(known) })

const answer = (routes: Routes, url: string): string => {
  const { host, pathname } = new URL(url)
  const match = matchRoute(routes, host, pathname)
  return match ? match.backend.service : '404'
}

describe('path types', () => {
  // The table of upstream's documentation, and the cases around it.
  const cases: readonly [paths: readonly string[], requests: Record<string, string>][] = [
    [['/ Prefix'], { '/': 'a', '/any/thing': 'a' }],
    [['/foo Exact'], { '/foo': 'a', '/bar': '404', '/foo/': '404', '/Foo': '404' }],
    [['/foo/ Exact'], { '/foo': '404', '/foo/': 'a' }],
    [['/foo Prefix'], { '/foo': 'a', '/foo/': 'a', '/foo/x': 'a', '/foobar': '404', '/x/foo': '404' }],
    [['/foo/ Prefix'], { '/foo': 'a', '/foo/': 'a', '/foo/x': 'a' }],
    [['/aaa/bb Prefix'], { '/aaa/bbb': '404' }],
    [['/aaa/bbb/ Prefix'], { '/aaa/bbb': 'a', '/aaa/bbb/ccc': 'a', '/aaa/bbbxyz': '404' }],
    [['/ Prefix', '/aaa Prefix'], { '/aaa/ccc': 'b', '/ccc': 'a' }],
    [['/ Prefix', '/aaa Prefix', '/aaa/bbb Prefix'], { '/aaa/bbb': 'c', '/aaa/x': 'b', '/x': 'a' }],
    [['/foo Prefix', '/foo Exact'], { '/foo': 'b', '/foo/': 'a' }],
    [['/tasks ImplementationSpecific'], { '/tasks': 'a', '/tasks/1': 'a', '/tasksfoo': '404' }],
    [['/tasks Prefix'], { '/%74asks': 'a', '//tasks': 'a', '/x/../tasks': 'a', '/tasks%2F1': 'a' }],
  ]
  for (const [paths, requests] of cases) {
    it(paths.join(', '), () => {
      const routes = routesOf([{ rules: paths.map((path, i) => `- ${path} -> ${'abc'[i]}:80`) }])
      expect(Object.fromEntries(Object.keys(requests).map((path) => [path, answer(routes, `http://any${path.startsWith('//') ? '/' : ''}${path}`)]))).toEqual(
        requests,
      )
    })
  }

  it('does not resolve what a URL parser has not resolved before', () => {
    const routes = routesOf([{ rules: ['- /admin Prefix -> admin:80', '- / Prefix -> web:80'] }])
    expect(matchRoute(routes, 'any', '/x/../admin?a=/b')?.backend.service).toBe('admin')
    expect(matchRoute(routes, 'any', '/x/%2e%2e/admin')?.backend.service).toBe('admin')
    expect(matchRoute(routes, 'any', '/%zz')?.backend.service).toBe('web')
    expect(matchRoute(routes, 'any', 'http://proxied/admin')?.backend.service).toBe('admin')
  })
})

describe('hosts', () => {
  const routes = routesOf([
    { rules: ['foo.com / Prefix -> foo:80', '*.foo.com / Prefix -> wild:80', 'a.foo.com /x Prefix -> ax:80', '- / Prefix -> any:80'] },
    { name: 'shop', namespace: 'eu', rules: ['shop.example.com /api Prefix -> api:http'], defaultBackend: 'page:80', created: '2026-01-02T00:00:00Z' },
    { name: 'shop', namespace: 'us', rules: ['us.example.com / Prefix -> us:80'], created: '2026-01-03T00:00:00Z' },
  ])
  const cases: Record<string, string> = {
    'http://foo.com/': 'foo',
    'http://FOO.com:8080/': 'foo',
    'http://foo.com./': 'foo',
    'http://b.foo.com/': 'wild',
    'http://c.b.foo.com/': 'any',
    'http://a.foo.com/x': 'ax',
    'http://a.foo.com/y': 'page',
    'http://other/': 'any',
    'http://[::1]:80/': 'any',
    'http://shop.example.com/api/1': 'api',
    'http://shop.example.com/': 'page',
    'http://shop.localhost:8080/api': 'api',
    'http://shop.localhost/': 'page',
    'http://shop.us.localhost/': 'us',
    'http://shop.eu.localhost/api': 'api',
  }
  for (const [url, service] of Object.entries(cases)) it(`${url} goes to ${service}`, () => expect(answer(routes, url)).toBe(service))

  it('lets the older Ingress win', () => {
    const twice = routesOf([
      { name: 'a', created: '2026-02-01T00:00:00Z', rules: ['h / Prefix -> young:80'] },
      { name: 'b', rules: ['h / Prefix -> old:80'] },
    ])
    expect(answer(twice, 'http://h/')).toBe('old')
  })
})

describe('classes', () => {
  const legacy = { 'kubernetes.io/ingress.class': 'nginx' }
  const cases: readonly [string, Given, Record<string, string>, boolean][] = [
    ['its own class', { className: 'knarr' }, classes, true],
    ['the class of another controller', { className: 'other' }, classes, false],
    ['no class at all', { className: undefined }, classes, false],
    ['a class that does not exist', { className: 'traefik' }, classes, false],
    ['nginx while nobody owns it', { className: 'nginx' }, classes, true],
    ['nginx once its own controller is there', { className: 'nginx' }, { ...classes, nginx: 'k8s.io/ingress-nginx' }, false],
    ['a class of another name for this controller', { className: 'mine' }, { mine: 'knarr.dev/ingress-controller' }, true],
    ['the annotation', { className: undefined, annotations: legacy }, classes, true],
    ['the field before the annotation', { className: 'other', annotations: legacy }, classes, false],
  ]
  for (const [what, given, known, isServed] of cases) {
    it(`${isServed ? 'serves' : 'leaves'} ${what}`, () =>
      expect(answer(routesOf([{ ...given, rules: ['- / Prefix -> web:80'] }], known), 'http://h/')).toBe(isServed ? 'web' : '404'))
  }
})

it('rewrites the path by the groups of its expression', () => {
  const annotations = { 'nginx.ingress.kubernetes.io/rewrite-target': '/$2' }
  const routes = routesOf([{ annotations, rules: ['- /api(/|$)(.*) ImplementationSpecific -> api:80'] }])
  expect(matchRoute(routes, 'h', '/api/v1/x?q=1')?.rewrittenPath).toBe('/v1/x')
  expect(matchRoute(routes, 'h', '/api')?.rewrittenPath).toBe('/')
  expect(matchRoute(routes, 'h', '/apix')).toBeUndefined()
})

it('finds certificates by name, wildcard and, where tls names no host, by the rules', () => {
  const routes = routesOf([
    { rules: ['a.com / Prefix -> a:80'], tls: [{ hosts: ['a.com', '*.b.com'], secretName: 'one' }] },
    { name: 'two', namespace: 'x', rules: ['c.com / Prefix -> a:80'], tls: [{ secretName: 'two' }] },
  ])
  const found = ['a.com', 'x.b.com', 'y.x.b.com', 'C.com', 'd.com'].map((name) => matchCertificate(routes, name))
  expect(found).toEqual(['default/one', 'default/one', undefined, 'x/two', undefined])
})
