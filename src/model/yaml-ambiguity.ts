/**
 * Bare words that YAML 1.1 and YAML 1.2 read differently.
 *
 * Fairway reads 1.2 and Envoy 1.1, so `n` is a text here and `false` there; whoever pastes a block from one
 * to the other would change its meaning. Such a word must be quoted, or written so that both agree.
 * The forms are those of https://yaml.org/type/bool.html and https://yaml.org/type/int.html.
 */

const BOOLEAN_CHARS_MAX = 3;
const numberStart = /^[-+0-9]/;
const booleanWord = /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)$/;
const sexagesimal = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
const leadingZero = /^[-+]?0[0-9_]+$/;
const otherRadix = /^[-+]?0[ob][0-7_]+$/;
const underscored = /^[-+]?[0-9]+(?:_[0-9]*)+(?:\.[0-9_]*)?$/;

/** What is ambiguous about a bare word, or undefined. */
export function ambiguity(word: string): string | undefined {
  // Nearly all words are neither short nor begin like a number, and this is asked of every one.
  if (word.length > BOOLEAN_CHARS_MAX && !numberStart.test(word)) return undefined;
  if (booleanWord.test(word)) return "is a boolean in YAML 1.1 (Envoy) and a text in YAML 1.2";
  if (sexagesimal.test(word)) return "is a number in base 60 in YAML 1.1 (Envoy) and a text in YAML 1.2";
  if (leadingZero.test(word)) return "is an octal number in YAML 1.1 (Envoy) and a decimal one in YAML 1.2";
  if (otherRadix.test(word)) return "is a number in only one of YAML 1.1 (Envoy) and YAML 1.2";
  if (underscored.test(word)) return "is a number in YAML 1.1 (Envoy) and a text in YAML 1.2";
  return undefined;
}
