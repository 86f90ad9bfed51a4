declare module "*.md?raw" {
  const text: string
  export default text
}
declare module "node:module" {
  export const stripTypeScriptTypes: (code: string) => string
}
