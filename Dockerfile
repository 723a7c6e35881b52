# The Fairway image: compiled JavaScript, the Envoy API and the packages it needs at run time; not root.
#
#     docker build --tag fairway .
#     docker run --rm --volume "$PWD/examples/hello:/etc/fairway:ro" fairway check
#
# By itself it listens on the container's loopback; docker-compose.yml shows how it is reached from other containers.

FROM node:24-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
COPY scripts ./scripts
COPY proto ./proto
# Installs the locked packages and generates src/gen; done again only when one of these changes.
RUN mkdir src && node scripts/setup.mjs
COPY src ./src
RUN node scripts/setup.mjs run scripts/build.mjs
RUN npm prune --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production FAIRWAY_CONFIG=/etc/fairway FAIRWAY_STATE=/var/lib/fairway
WORKDIR /opt/fairway
COPY package.json LICENSE ./
COPY proto/envoy-api-1.40.0.binpb.gz proto/NOTICE ./proto/
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
RUN mkdir -p /etc/fairway /var/lib/fairway && chown node:node /var/lib/fairway && chmod 700 /var/lib/fairway
USER node
VOLUME /var/lib/fairway
EXPOSE 18000 18001
# How much the serving thread may hold of what is new; with ten thousand services in etcd this saves 120 MiB.
ENTRYPOINT ["node", "--max-semi-space-size=8", "/opt/fairway/dist/cli/main.js"]
CMD ["serve"]
