// SPDX-License-Identifier: Apache-2.0
// Answers questions about schedules with a parser from npm: a JSON array of {expression, zone, start,
// times} on stdin, an array of arrays of seconds (or null) on stdout. For compare_npm.py.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [parser, folder] = process.argv.slice(2);
const require = createRequire(`${folder}/node_modules/`);

const seconds = (date) => Math.round(date.getTime() / 1000);

function byCronParser({ expression, zone, start, times }) {
    const { CronExpressionParser } = require("cron-parser");
    const walk = CronExpressionParser.parse(expression, {
        currentDate: new Date(start * 1000),
        tz: zone,
    });
    const found = [];
    while (found.length < times) found.push(seconds(walk.next().toDate()));
    return found;
}

function byCroner({ expression, zone, start, times }) {
    const { Cron } = require("croner");
    return new Cron(expression, { timezone: zone }).nextRuns(times, new Date(start * 1000)).map(seconds);
}

const next = { "cron-parser": byCronParser, croner: byCroner }[parser];
const answers = JSON.parse(readFileSync(0, "utf8")).map((row) => {
    try {
        return next(row);
    } catch {
        return null;
    }
});
process.stdout.write(JSON.stringify(answers));
