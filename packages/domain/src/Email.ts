/** E-mail addresses, as far as their form goes: whether one is anybody's, only a message tells. */
const within = (but: string): string => `[^\\s@${but}\\u0000-\\u001f\\u007f]`

export const pattern = new RegExp(`^${within("")}{1,64}@${within("")}{1,189}\\.${within(".")}{1,63}$`, "u")
export const message = "must be an e-mail address"
