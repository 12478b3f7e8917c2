import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts', 'test/*.test.ts', 'test/book/{sight,claims}.test.ts', 'examples/**/*.test.ts'], testTimeout: 20_000 } },
      {
        test: {
          name: 'stories', include: ['test/stories/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'book', include: ['test/book/book.test.ts'], testTimeout: 180_000, hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
