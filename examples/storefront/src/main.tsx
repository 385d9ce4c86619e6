import { ApolloProvider } from '@apollo/client/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { client } from './api/client.ts';
import { App } from './app.tsx';
import { Boundary } from './parts/boundary.tsx';
import './styles/base.css';
import './styles/parts.css';
import './styles/pages.css';

createRoot(document.getElementById('storefront')!).render(
  <StrictMode>
    <ApolloProvider client={client}>
      <Boundary>
        <App />
      </Boundary>
    </ApolloProvider>
  </StrictMode>,
);
