import { defineConfig } from 'vitest/config'

// Examples import the package by its name; here that is the source.
const source = (file: string) => new URL(`src/app/${file}`, import.meta.url).pathname
const resolve = { alias: [{ find: 'knarr/testing', replacement: source('testing/index.ts') }, { find: 'knarr/client', replacement: source('client.ts') }] }

export default defineConfig({
  test: {
    projects: [
      { resolve, test: { name: 'unit', include: ['src/**/*.test.ts', 'test/*.test.ts', 'test/book/{sight,claims}.test.ts', 'examples/**/*.test.ts'], testTimeout: 20_000 } },
      {
        resolve,
        test: {
          name: 'stories', include: ['test/stories/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000,
          // Clusters share names, ports and cores: one at a time, the book's after the project's own.
          fileParallelism: false, sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'book', include: ['test/book/book.test.ts'], testTimeout: 180_000, hookTimeout: 120_000,
          fileParallelism: false, sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
