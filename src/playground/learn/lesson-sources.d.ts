/** Made by vite.config.ts when the page is built. */
declare module 'virtual:lesson-sources' {
  const sources: Readonly<Record<string, import('./declarations.ts').Lines>>;
  export default sources;
  /** By the lesson's id: conformance cases, and their frames as the Build view has them in its address. */
  export const cases: Readonly<Record<string, readonly { id: string; summary: string; frames: string }[]>>;
}
