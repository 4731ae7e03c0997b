/** What is refused, with the code of section 6. */
export class Refused extends Error {
  constructor(code, why = code) {
    super(`${code}: ${why}`);
    this.code = code;
  }
}

export const refuse = (code, why) => {
  throw new Refused(code, why);
};
