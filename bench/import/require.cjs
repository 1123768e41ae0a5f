/** Prints how many microseconds `require` of argv[2] took in this process, which has loaded nothing else. */
const start = process.hrtime.bigint();
require(process.argv[2]);
console.log(Number(process.hrtime.bigint() - start) / 1000);
