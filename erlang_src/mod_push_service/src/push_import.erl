%% Devices that other modules of this server know of, for operators who change over: their users'
%% phones get pushes before the apps register anew. Read from where those modules keep them, which
%% stays as it is. What is registered here already is left alone, so an import may be repeated.
-module(push_import).

-export([mod_push/3, mod_pushoff/2]).

-export_type([counts/0, problem/0]).

-type counts() :: #{imported := non_neg_integer(),   %% registered now
                    known := non_neg_integer(),      %% registered before
                    refused := non_neg_integer(),    %% what they have is no device of this app
                    services := [binary()]}.         %% for which others are registered
-type problem() :: {error, not_loaded | no_app | no_table | database_failure}.

%% Bytes of the shortest token that Apple gives: shorter nodes of mod_push are other services'.
-define(MIN_TOKEN, 32).
%% Milliseconds that a table of mod_pushoff may take to be there.
-define(TABLE_TIMEOUT, 10000).
%% Other services that are named.
-define(MAX_SERVICES, 5).

%% mod_push's registrations for Service whose node is a device token; their forms count.
-spec mod_push(Host :: binary(), Service :: binary(), App :: binary()) ->
    {ok, counts()} | problem().
mod_push(Host, Service, App) ->
    case {app(Host, App), gen_mod:is_loaded(Host, mod_push)} of
        {{ok, _}, false} ->
            {error, not_loaded};
        {{ok, Apps}, true} ->
            Store = gen_mod:db_mod(Host, mod_push),
            import([{US, Session} || US <- ejabberd_auth:get_users(Host),
                                     Session <- sessions(Store, US)],
                   fun({US, Session}) -> from_session(US, Session, Service, App, Apps) end);
        {Problem, _} ->
            Problem
    end.

%% No user's failure keeps the others from being read.
sessions(Store, {U, S}) ->
    case Store:lookup_sessions(U, S) of
        {ok, Sessions} -> Sessions;
        _ -> []
    end.

from_session(US, {Timestamp, {_, _, _} = Jid, Node, Form}, Service, App, Apps) ->
    case jid:encode(jid:make(Jid)) of
        Service -> registration(US, Node, push_form:fields(form(Form)), Timestamp, App, Apps);
        Other -> {elsewhere, Other}
    end;
from_session(US, {Timestamp, Jid, Node, Form}, Service, App, Apps) ->
    from_session(US, {Timestamp, jid:tolower(Jid), Node, Form}, Service, App, Apps).

form(Form) when element(1, Form) =:= xdata -> Form;
form(_) -> undefined.

%% mod_pushoff's table: a token in binary for each user, in Mnesia only.
-spec mod_pushoff(Host :: binary(), App :: binary()) -> {ok, counts()} | problem().
mod_pushoff(Host, App) ->
    case {app(Host, App), lists:member(pushoff_registration, mnesia:system_info(tables))
                              andalso mnesia:wait_for_tables([pushoff_registration],
                                                             ?TABLE_TIMEOUT)} of
        {{ok, Apps}, ok} ->
            Names = mnesia:table_info(pushoff_registration, attributes),
            Rows = [maps:from_list(lists:zip(Names, tl(tuple_to_list(Row))))
                    || Key <- mnesia:dirty_all_keys(pushoff_registration),
                       Row <- mnesia:dirty_read(pushoff_registration, Key)],
            import([Row || #{bare_jid := {_, S}} = Row <- Rows, S =:= Host],
                   fun(Row) -> from_pushoff(Row, App, Apps) end);
        {{ok, _}, _} ->
            {error, no_table};
        {Problem, _} ->
            Problem
    end.

%% Versions name their backend {Host, apns} or {Host, {apns, Name}}.
from_pushoff(#{bare_jid := US, token := Token, timestamp := Timestamp,
               backend_id := {_, Backend}}, App, Apps)
  when Backend =:= apns; element(1, Backend) =:= apns ->
    registration(US, binary:encode_hex(Token), #{}, Timestamp, App, Apps);
from_pushoff(_, _App, _Apps) ->
    elsewhere.

app(Host, App) ->
    case push_settings:get(Host) of
        {ok, #{apps := #{App := _} = Apps}} -> {ok, Apps};
        _ -> {error, no_app}
    end.

%% As of when it was registered there: Apple may have said since that the token is dead.
registration(US, Token, Fields, {_, _, _} = Timestamp, App, Apps) ->
    Form = maps:without([<<"token">>, <<"device_token">>, <<"service">>, <<"topic">>,
                         <<"environment">>, <<"mode">>], Fields),
    case push_form:registration(Form#{<<"app">> => [App]}, Token, Apps) of
        {ok, #{token := Hex} = Registration} when byte_size(Hex) >= 2 * ?MIN_TOKEN ->
            Us = timer:now_diff(Timestamp, {0, 0, 0}),
            {ok, Registration#{us => US, resource => <<>>, node => <<>>,
                               registered_at => Us div 1000}};
        _ ->
            refused
    end.

import(Found, ToDevice) ->
    import(Found, ToDevice, #{imported => 0, known => 0, refused => 0, services => []}).

import([], _ToDevice, Counts) ->
    {ok, Counts};
import([One | Found], ToDevice, Counts) ->
    case store(ToDevice(One)) of
        database_failure -> {error, database_failure};
        elsewhere -> import(Found, ToDevice, Counts);
        {elsewhere, Service} -> import(Found, ToDevice, noted(Service, Counts));
        Outcome -> import(Found, ToDevice, maps:update_with(Outcome, fun(N) -> N + 1 end, Counts))
    end.

noted(Service, #{services := Services} = Counts) when length(Services) < ?MAX_SERVICES ->
    Counts#{services := lists:usort([Service | Services])};
noted(_Service, Counts) ->
    Counts.

store({ok, #{us := US, app := App, token := Token} = Device}) ->
    case push_devices:list(US) of
        {ok, Owned} ->
            case [D || #{app := A, token := T} = D <- Owned, {A, T} =:= {App, Token}] of
                [_ | _] -> known;
                [] -> stored(push_devices:register(Device))
            end;
        {error, db_failure} ->
            database_failure
    end;
store(Other) ->
    Other.

stored(ok) -> imported;
stored({error, db_failure}) -> database_failure.
