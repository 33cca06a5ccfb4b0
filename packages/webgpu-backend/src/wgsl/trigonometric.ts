// sin and cos: x = k π/2 + r with |r| ≤ π/4, then a polynomial in r² chosen and signed by k mod 4. Large arguments are
// reduced exactly, by Payne and Hanek's method on words of 2/π.

import type { Helper } from "@torchium/tensor/backend";
import { polynomial } from "./maths.js";

const sinCoefficients = [-0.16666655, 0.008332188, -0.00019518098];
const cosCoefficients = [0.041666646, -0.0013887311, 2.4432553e-5];

// π/2 in parts whose products with an integer below 2¹³ are exact.
const halfPi = ["1.5703125f", "4.8375129699707031e-4f", "7.549789954891882e-8f"];

// The binary digits of 2/π behind the point, 32 at a time.
const twoOverPi = [0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041];

/** Helpers by name. */
export const trigonometricHelpers = {
  quarterTurn: {
    source: `fn quarterTurn(r: f32, k: u32) -> f32 {
  let square = r * r;
  let sine = fma(${polynomial("square", sinCoefficients)}, r * square, r);
  let cosine = fma(${polynomial("square", cosCoefficients)}, square * square, fma(-0.5f, square, 1f));
  let value = select(sine, cosine, (k & 1u) != 0u);
  return select(value, -value, (k & 2u) != 0u);
}`,
  },
  twoOverPiWord: {
    source: `const twoOverPi = array<u32, 6>(${twoOverPi.map((w) => `${w}u`).join(", ")});
fn twoOverPiWord(i: i32) -> u32 {
  if (i < 0i || i > 5i) { return 0u; }
  return twoOverPi[i];
}`,
  },
  // |x| · 2/π modulo 4 in 2.62 bits of fixed point: the mantissa times 96 bits of 2/π, from where they begin to matter.
  largeTurn: {
    source: `fn largeTurn(x: f32, quarters: u32) -> f32 {
  let bits = bitcast<u32>(x) & 0x7fffffffu;
  let mantissa = (bits & 0x007fffffu) | 0x00800000u;
  let shift = i32(bits >> 23u) - 152i;
  let word = shift >> 5u;
  let part = u32(shift & 31i);
  let w0 = twoOverPiWord(word);
  let w1 = twoOverPiWord(word + 1i);
  let w2 = twoOverPiWord(word + 2i);
  let w3 = twoOverPiWord(word + 3i);
  var a = w0;
  var b = w1;
  var c = w2;
  if (part != 0u) {
    a = (w0 << part) | (w1 >> (32u - part));
    b = (w1 << part) | (w2 >> (32u - part));
    c = (w2 << part) | (w3 >> (32u - part));
  }
  let low = b * mantissa + mulHigh(c, mantissa);
  let carry = select(0u, 1u, low < b * mantissa);
  let high = a * mantissa + mulHigh(b, mantissa) + carry;
  var k = high >> 30u;
  var fraction = bitcast<i32>((high << 2u) | (low >> 30u));
  let rest = low << 2u;
  // The fraction in [−½, ½): its sign bit is the next quarter.
  k += u32(fraction < 0i);
  var r = f32(fraction) * 3.657291638e-10f;
  if (abs(fraction) < 0x10000i) {
    r = (f32(fraction) + f32(rest) * 2.3283064365e-10f) * 3.657291638e-10f;
  }
  let turned = quarterTurn(select(r, -r, x < 0f), select(k, 0u - k, x < 0f) + quarters);
  return turned;
}`,
    needs: ["twoOverPiWord", "mulHigh", "quarterTurn"],
  },
  turn: {
    source: `fn turn(x: f32, quarters: u32) -> f32 {
  if ((bitcast<u32>(x) & 0x7fffffffu) >= 0x7f800000u) { return quietNan(); }
  if (abs(x) > 8192f) { return largeTurn(x, quarters); }
  let k = round(x * 0.63661977f);
  let r = fma(-k, ${halfPi[2]}, fma(-k, ${halfPi[1]}, fma(-k, ${halfPi[0]}, x)));
  return quarterTurn(r, bitcast<u32>(i32(k)) + quarters);
}`,
    needs: ["quietNan", "largeTurn", "quarterTurn"],
  },
  floatSin: { source: "fn floatSin(x: f32) -> f32 { return turn(x, 0u); }", needs: ["turn"] },
  floatCos: { source: "fn floatCos(x: f32) -> f32 { return turn(x, 1u); }", needs: ["turn"] },
} as const satisfies Record<string, Helper>;
