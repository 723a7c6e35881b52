/**
 * The stream machines against model clients, from many seeds; this file plays one part of four of them.
 */
import { testSeedsOfFile } from "./expect-seeds.ts";

testSeedsOfFile(3);
