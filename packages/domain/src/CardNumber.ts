/** Numbers of payment cards, to be kept out: 12 to 19 digits, however they are grouped, of which the last one checks (Luhn). */

export const isLike = (text: string): boolean => {
  const digits = text.replaceAll(/[\s.\-\u2010-\u2015]/g, "")
  return /^\d{12,19}$/.test(digits) && isChecked(digits)
}

const isChecked = (digits: string): boolean => {
  let sum = 0
  for (const [index, digit] of [...digits].reverse().entries()) {
    const value = Number(digit) * (index % 2 === 0 ? 1 : 2)
    sum += value > 9 ? value - 9 : value
  }
  return sum % 10 === 0
}
