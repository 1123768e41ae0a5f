/** Made by vite.config.ts when the page is built. */
declare module 'virtual:lesson-sources' {
  const sources: Readonly<Record<string, import('./declarations.ts').Lines>>;
  export default sources;
}
