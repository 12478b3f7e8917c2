/** What each type (`''`) and field means, by type name: `{ "core/v1.Pod": { "": "…", "spec": "…" } }`. */
export type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Half a megabyte of prose: nothing reads it before somebody asks for it. */
export async function loadDescriptions(): Promise<Descriptions> {
  const module = await import('./generated/descriptions.json', { with: { type: 'json' } })
  return module.default as Descriptions
}
