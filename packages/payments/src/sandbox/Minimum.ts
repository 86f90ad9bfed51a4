/** The least that the sandbox charges, in minor units: about what providers ask, half of a main unit where none is known. */
import { Currency, Money } from "@capstan/domain"

const known: Readonly<Record<string, bigint>> = {
  AED: 200n,
  CLP: 500n,
  CZK: 1500n,
  DKK: 250n,
  GBP: 30n,
  HKD: 400n,
  HUF: 17_500n,
  ISK: 50n,
  JPY: 50n,
  KRW: 500n,
  MXN: 1000n,
  MYR: 200n,
  NOK: 300n,
  PLN: 200n,
  RON: 200n,
  SEK: 300n,
  THB: 1000n,
  UGX: 2000n,
  VND: 10_000n
}

export const minimum = (currency: Currency.Currency): Money.Minor =>
  Money.Minor.make(known[currency] ?? halves[Currency.digits(currency)] ?? 50n)

/** By the digits of the minor unit. */
const halves: ReadonlyArray<bigint> = [50n, 5n, 50n, 500n, 5000n]
