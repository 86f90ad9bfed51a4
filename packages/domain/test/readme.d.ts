declare module "*.md?raw" {
  const text: string
  export default text
}
declare module "node:module" {
  export const stripTypeScriptTypes: (code: string) => string
}

declare module "node:vm" {
  export const compileFunction: (
    code: string,
    parameters: ReadonlyArray<string>
  ) => (...given: ReadonlyArray<unknown>) => void
}
